/**
 * JSON text (as a string or as bytes), or a value that JSON can carry. Text and bytes are the lossless way: numbers go
 * as they are written, and nothing is converted. What a value would lose, `Engine.losses` says.
 */
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
  /** With `words`, of a long text that was replaced: what stayed (`=`), went (`-`) and came (`+`), in turn. */
  words?: ['=' | '-' | '+', string][]
  /** Not all of the words were told apart: it would have taken too long. */
  words_coarse?: true
}

/** An operation of RFC 6902. */
export interface PatchOperation {
  op: 'add' | 'remove' | 'replace' | 'move' | 'copy' | 'test'
  path: string
  from?: string
  value?: unknown
}

export interface DiffOptions {
  /** `text` is one line an attribute, `words` sentences. */
  format?: 'changes' | 'patch' | 'text' | 'words'
  /** With `patch`: a `test` of the old value for every `remove`, `replace` and `move`. */
  tests?: boolean
  /** With `changes`: the words that differ within long texts, beside their values. */
  words?: boolean
  /** With `words` as format: what the changes are on, `<type>/<id>`. */
  entity?: string
  /** ` id`, `_id` and `Id` are the same key. Off by default. */
  foldKeys?: boolean
  /** What its `ignore` names is left out. */
  policy?: Json
  /** The JSON text instead of values: numbers stay as they were written. */
  raw?: boolean
}

/** One changed attribute. Null is what the record does not have; a sealed value is `[sealed <group>]`. */
export interface AttributeRow {
  /** In UTC: `2020-07-29` and `19:45:00`. */
  date: string | null
  time: string | null
  table_id: string | null
  entity_id: string | null
  microservice_name: string | null
  action: string | null
  request_id: string | null
  ip_address: string | null
  account_id: string | null
  user_id: string | null
  user_email: string | null
  user_name: string | null
  /** The pointer without its first slash. */
  attribute: string
  previous_value: string | null
  current_value: string | null
  /** In lower case, as `device_type` and `os` are; a desktop is `web`. */
  browser_name: string | null
  device_type: string | null
  os: string | null
}

export interface RowsOptions {
  /** The fields of the record that were opened: the `values` that a reveal answers with. */
  opened?: Json
  format?: 'json' | 'ndjson' | 'csv'
  /** The line of names that begins a CSV (RFC 4180); on by default. */
  header?: boolean
}

export interface TextDifference {
  /** What stayed (`=`), went (`-`) and came (`+`), in turn. */
  runs: ['=' | '-' | '+', string][]
  /** Not all of it was told apart: it would have taken too long. Both texts are in the runs all the same. */
  coarse: boolean
}

/** How one field is treated, and which rule decided. */
export interface FieldTreatment {
  path: string
  side: string
  action: 'keep' | 'drop' | 'mask' | 'pseudonym' | 'seal'
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

/** Something of a JavaScript value that JSON has no way to say. */
export interface Loss {
  /** RFC 6901 pointer into the value. */
  path: string
  what:
    | 'unsupported_value'
    | 'number_not_finite'
    | 'unsafe_integer'
    | 'lone_surrogate'
    | 'cycle'
    | 'too_deep'
    | 'negative_zero'
    | 'to_json'
    | 'prototype'
    | 'getter'
    | 'symbol_key'
    | 'hidden_member'
    | 'array_member'
  /** It is an error with this code; what is not refused goes in another form, or is left out. */
  refused: boolean
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

/** With a witness policy. */
export interface WitnessedProof extends VerifiedProof {
  /** The witnesses of the policy that cosigned the checkpoint, in its order. */
  witnesses: Cosignature[]
}

export interface Cosignature {
  /** What the witness policy calls the witness. */
  name: string
  /** When it cosigned, in seconds since 1970. */
  time: number
}

export interface VerifyProofOptions {
  /**
   * Whose cosignatures the checkpoint must have (C2SP tlog-policy), as its text. Where it names logs, the verifier key must be
   * of one of them.
   */
  witnessPolicy?: string | Uint8Array | undefined
}

export interface Engine {
  diff(before: Json, after: Json, options?: DiffOptions & { format?: 'changes'; raw?: false }): AttributeChange[]
  diff(before: Json, after: Json, options: DiffOptions & { format: 'patch'; raw?: false }): PatchOperation[]
  diff(before: Json, after: Json, options: DiffOptions & ({ format: 'text' | 'words' } | { raw: true })): string
  diff(before: Json, after: Json, options?: DiffOptions): AttributeChange[] | PatchOperation[] | string
  /** A record as it is stored, as a table with one row per attribute. */
  rows(line: Json, options?: RowsOptions & { format?: 'json' }): AttributeRow[]
  rows(line: Json, options: RowsOptions & { format: 'ndjson' | 'csv' }): string
  rows(line: Json, options?: RowsOptions): AttributeRow[] | string
  /** Two texts, to look at: no cut is within a word, or within a line, or ever within a character. */
  textDifference(before: string, after: string, options?: { unit?: 'word' | 'line' }): TextDifference
  /** `change` as an object, or as JSON text in either shape that the sidecar takes. */
  preview(policy: Json, change: object | string | Uint8Array, context?: object, options?: { raw?: false }): Preview
  preview(policy: Json, change: object | string | Uint8Array, context: object | undefined, options: { raw: true }): string
  preview(policy: Json, change: object | string | Uint8Array, context?: object, options?: { raw?: boolean }): Preview | string
  /** `samples` are changes in either shape, or images alone. */
  lint(policy: Json, samples?: Json[]): Finding[]
  /** What a value would lose as JSON; nothing where it goes as it is. */
  losses(value: unknown): Loss[]
  /**
   * A function that takes what the policy protects out of a line of JSON, for logs: `sealtrail/pino` is made of it. `keep`
   * are selectors, from the root of the line on, for what no rule names.
   */
  redactor(policy: Json, options?: { keep?: string[] }): (line: string) => string
  policySummary(policy: Json): PolicySummary
  verifyProof(
    proof: string | Uint8Array, line: string | Uint8Array, vkey: string, options: { witnessPolicy: string | Uint8Array },
  ): WitnessedProof
  verifyProof(proof: string | Uint8Array, line: string | Uint8Array, vkey: string, options?: VerifyProofOptions): VerifiedProof
}

/** The core, in this process or page. It is loaded once. */
export declare function loadEngine(): Promise<Engine>
