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
  format?: 'changes' | 'patch' | 'text' | 'words' | undefined
  /** With `patch`: a `test` of the old value for every `remove`, `replace` and `move`. */
  tests?: boolean | undefined
  /** With `changes`: the words that differ within long texts, beside their values. */
  words?: boolean | undefined
  /** With `words` as format: what the changes are on, `<type>/<id>`. */
  entity?: string | undefined
  /** ` id`, `_id` and `Id` are the same key. Off by default. */
  foldKeys?: boolean | undefined
  /** What its `ignore` names is left out. */
  policy?: Json | undefined
  /** The JSON text instead of values: numbers stay as they were written. */
  raw?: boolean | undefined
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
  opened?: Json | undefined
  format?: 'json' | 'ndjson' | 'csv' | undefined
  /** The line of names that begins a CSV (RFC 4180); on by default. */
  header?: boolean | undefined
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
  /**
   * What differs between two values: a list of changes, a JSON Patch (RFC 6902), or text for people.
   *
   * @example
   * const engine = await loadEngine()
   * engine.diff({ n: 1, tags: ['a'] }, { n: 1.0, tags: ['a', 'b'] })
   * // [{ op: 'add', path: '/tags/1', new: 'b' }]
   * engine.diff('{"n":12345678901234567890123}', '{"n":1}', { raw: true })
   * // [{"op":"replace","path":"/n","old":12345678901234567890123,"new":1}]
   */
  diff(before: Json, after: Json, options?: DiffOptions & { format?: 'changes' | undefined; raw?: false | undefined }): AttributeChange[]
  diff(before: Json, after: Json, options: DiffOptions & { format: 'patch'; raw?: false | undefined }): PatchOperation[]
  diff(before: Json, after: Json, options: DiffOptions & ({ format: 'text' | 'words' } | { raw: true })): string
  diff(before: Json, after: Json, options?: DiffOptions): AttributeChange[] | PatchOperation[] | string
  /**
   * A record as it is stored, as a table with one row per attribute.
   *
   * @example
   * const engine = await loadEngine()
   * for (const { attribute, previous_value, current_value } of engine.rows(line)) console.log(attribute, previous_value, current_value)
   * await writeFile('record.csv', engine.rows(line, { format: 'csv' }))
   */
  rows(line: Json, options?: RowsOptions & { format?: 'json' | undefined }): AttributeRow[]
  rows(line: Json, options: RowsOptions & { format: 'ndjson' | 'csv' }): string
  rows(line: Json, options?: RowsOptions): AttributeRow[] | string
  /**
   * Two texts, to look at: no cut is within a word, or within a line, or ever within a character.
   *
   * @example
   * const engine = await loadEngine()
   * engine.textDifference('to be', 'not to be')
   * // { runs: [['+', 'not '], ['=', 'to be']], coarse: false }
   */
  textDifference(before: string, after: string, options?: { unit?: 'word' | 'line' | undefined }): TextDifference
  /**
   * What a policy would store of a change, and which rule decided for every field; sealed with throw-away keys. `change` is an object,
   * or JSON text in either shape that the sidecar takes. `context` is spelt as the sidecar takes it (`correlation_id`); where it is not
   * given, it is that of the change.
   *
   * @example
   * const engine = await loadEngine()
   * const change = { entity: { type: 'x', id: 1 }, action: 'create', before: null, after: { email: 'ada@example.org' } }
   * const { fields } = engine.preview(policy, change, { correlation_id: 'order-77' })
   * for (const { path, action, because } of fields) console.log(path, action, because)
   */
  preview(policy: Json, change: object | string | Uint8Array, context?: object, options?: { raw?: false | undefined }): Preview
  preview(policy: Json, change: object | string | Uint8Array, context: object | undefined, options: { raw: true }): string
  preview(policy: Json, change: object | string | Uint8Array, context?: object, options?: { raw?: boolean | undefined }): Preview | string
  /**
   * What a policy says in vain, or keeps that looks personal. `samples` are changes in either shape, or images alone.
   *
   * @example
   * const engine = await loadEngine()
   * const unsure = { id: 'shop', version: '1', default: 'keep' }
   * for (const { severity, at, message } of engine.lint(unsure, [{ email: 'ada@example.org' }])) console.log(severity, at, message)
   */
  lint(policy: Json, samples?: Json[]): Finding[]
  /**
   * What a value would lose as JSON; nothing where it goes as it is.
   *
   * @example
   * const engine = await loadEngine()
   * engine.losses({ at: new Date(0), seen: new Set() })
   * // [{ path: '/at', what: 'to_json', refused: false }, { path: '/seen', what: 'unsupported_value', refused: true }]
   */
  losses(value: unknown): Loss[]
  /**
   * A function that takes what the policy protects out of a line of JSON, for logs: `sealtrail/pino` is made of it. `keep`
   * are selectors, from the root of the line on, for what no rule names.
   *
   * @example
   * const engine = await loadEngine()
   * const redacted = engine.redactor(policy, { keep: ['$.level'] })
   * redacted('{"level":30,"email":"ada@example.org"}')
   * // {"level":30,"email":"[sealed default]"}
   */
  redactor(policy: Json, options?: { keep?: string[] | undefined }): (line: string) => string
  /**
   * The id, the version and the digest of a policy, as records name them; or why it is none.
   *
   * @example
   * const engine = await loadEngine()
   * const { version, sha256 } = engine.policySummary(policy)
   */
  policySummary(policy: Json): PolicySummary
  /** As the function of that name, at once. */
  verifyProof(
    proof: string | Uint8Array, line: string | Uint8Array, vkey: string, options: { witnessPolicy: string | Uint8Array },
  ): WitnessedProof
  verifyProof(proof: string | Uint8Array, line: string | Uint8Array, vkey: string, options?: VerifyProofOptions): VerifiedProof
}

/**
 * The core, in this process or page. It is loaded once.
 *
 * @example
 * const engine = await loadEngine()
 */
export declare function loadEngine(): Promise<Engine>
