;; A guest that does everything wrong, one fault for each function. Only tests run it.
(module
  (memory (export "memory") 1)
  (global $stack (export "__stack_pointer") (mut i32) (i32.const 65536))
  (data (i32.const 2048) "\01not json")
  (func (export "alloc") (param i32) (result i32) i32.const 1024)
  ;; loops for ever
  (func (export "policy") (param i32 i32) (result i64) (loop $l (br $l)) unreachable)
  ;; traps
  (func (export "read") (param i32 i32) (result i64) unreachable)
  ;; eats memory
  (func (export "plan") (param i32 i32) (result i64)
    (loop $l (drop (memory.grow (i32.const 16))) (br $l)) unreachable)
  ;; calls itself for ever
  (func $open (export "open") (param i32 i32) (result i64) (call $open (i32.const 0) (i32.const 0)))
  ;; points outside of its memory
  (func (export "seal") (param i32 i32) (result i64) i64.const 0x7FFFFFFF_00000010)
  ;; points to the end of the address space
  (func (export "diff") (param i32 i32) (result i64) i64.const 0xFFFFFFFF_FFFFFFFF)
  ;; gives nothing at all
  (func (export "rows") (param i32 i32) (result i64) i64.const 0)
  (func (export "preview") (param i32 i32) (result i64) i64.const 0)
  ;; leaves its stack and its memory as they were not, and answers with what is no JSON: 9 bytes at 3072
  (data (i32.const 3072) "\00not json")
  (func (export "lint") (param i32 i32) (result i64)
    (global.set $stack (i32.const 4096)) (i32.store (i32.const 8192) (i32.const 7))
    i64.const 0x00000C00_00000009)
  ;; refuses with what is no reason: 9 bytes at 2048
  (func (export "act") (param i32 i32) (result i64) i64.const 0x00000800_00000009)
  (func (export "lease") (param i32 i32) (result i64) unreachable)
  (func (export "admit") (param i32 i32) (result i64) unreachable))
