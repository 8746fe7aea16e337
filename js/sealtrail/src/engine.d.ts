/** JSON text (as a string or as bytes), or a value that JSON can carry. */
export type Json = string | Uint8Array | object | number | boolean | null

export interface AttributeChange {
  op: 'add' | 'remove' | 'replace' | 'move'
  /** RFC 6901 pointer. */
  path: string
  /** Where a moved item was: RFC 6901 pointer into the before image. */
  from?: string
  old?: unknown
  new?: unknown
  /** An array that is given whole, because the single differences would have taken too long to find. */
  coarse?: true
}

/** An operation of RFC 6902. */
export interface PatchOperation {
  op: 'add' | 'remove' | 'replace' | 'move' | 'copy' | 'test'
  path: string
  from?: string
  value?: unknown
}

export interface DiffOptions {
  format?: 'changes' | 'patch' | 'text'
  /** ` id`, `_id` and `Id` are the same key. Off by default. */
  foldKeys?: boolean
  /** What its `ignore` names is left out. */
  policy?: Json
  /** The JSON text instead of values: numbers stay as they were written. */
  raw?: boolean
}

/** How one field is treated, and which rule decided. */
export interface FieldTreatment {
  path: string
  side: string
  action: 'keep' | 'drop' | 'mask' | 'seal'
  /** Where it is sealed: under which data group, for which data subject and retention class. */
  group?: string
  subject?: string
  retain?: string
  because: string
}

export interface Preview {
  outcome: 'record' | 'unchanged'
  /** The record as it would be stored, sealed with throw-away keys; null where nothing changed. */
  record: Record<string, any> | null
  fields: FieldTreatment[]
}

/** What a policy says in vain, or keeps that looks personal. It quotes no value of a sample. */
export interface Finding {
  code:
    | 'duplicate'
    | 'shadowed'
    | 'unfolded_name'
    | 'never_matches'
    | 'never_first'
    | 'never_meets_array'
    | 'identity_missing'
    | 'unnamed'
    | 'personal_kept'
    | 'unchecked'
  /** Pointer into the policy, such as `/rules/3`. */
  at: string
  /** Pointer to an attribute of the samples (`/context/…` for the context). */
  path?: string
  message: string
  severity: 'error' | 'warning' | 'note'
}

export interface PolicySummary {
  id: string
  version: string
  sha256: string
}

export interface VerifiedProof {
  origin: string
  index: number
  /** How many records the checkpoint covers. */
  size: number
  /** Hash of the tree's root, in base64. */
  root: string
}

export interface Engine {
  diff(before: Json, after: Json, options?: DiffOptions & { format?: 'changes'; raw?: false }): AttributeChange[]
  diff(before: Json, after: Json, options: DiffOptions & { format: 'patch'; raw?: false }): PatchOperation[]
  diff(before: Json, after: Json, options: DiffOptions): string
  /** `change` as an object, or as JSON text in either shape that the sidecar takes. */
  preview(policy: Json, change: object | string | Uint8Array, context?: object, options?: { raw?: false }): Preview
  preview(policy: Json, change: object | string | Uint8Array, context: object | undefined, options: { raw: true }): string
  /** `samples` are changes in either shape, or images alone. */
  lint(policy: Json, samples?: Json[]): Finding[]
  policySummary(policy: Json): PolicySummary
  verifyProof(proof: string | Uint8Array, line: string | Uint8Array, vkey: string): VerifiedProof
}

/** The core, in this process or page. It is loaded once. */
export declare function loadEngine(): Promise<Engine>
