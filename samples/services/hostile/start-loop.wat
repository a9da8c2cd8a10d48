;; start-loop: never becomes ready; its start function does not end.
(module
  (memory (export "memory") 1)
  (func $start (loop $again (br $again)))
  (func (export "fabric_alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "fabric_free") (param i32 i32))
  (func (export "handle") (param i32 i32) (result i64) (i64.const 0))
  (start $start))
