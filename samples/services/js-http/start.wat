;; Makes a command of the QuickJS reactor: hands it the arguments and lets it run the script they name. A script that never
;; ends, such as main.js, is a framed guest.
(module
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "qjs" "memory" (memory 1))
  (import "qjs" "_initialize" (func $initialize))
  (import "qjs" "malloc" (func $malloc (param i32) (result i32)))
  (import "qjs" "qjs_init_argv" (func $run (param i32 i32) (result i32)))
  (func (export "_start") (local $sizes i32) (local $count i32) (local $arguments i32) (local $code i32)
    call $initialize
    (local.set $sizes (call $malloc (i32.const 8)))
    (drop (call $sizes (local.get $sizes) (i32.add (local.get $sizes) (i32.const 4))))
    (local.set $count (i32.load (local.get $sizes)))
    ;; One more pointer than there are arguments: C ends the list with a null.
    (local.set $arguments (call $malloc (i32.mul (i32.add (local.get $count) (i32.const 1)) (i32.const 4))))
    (i32.store (i32.add (local.get $arguments) (i32.mul (local.get $count) (i32.const 4))) (i32.const 0))
    (drop (call $get (local.get $arguments) (call $malloc (i32.load offset=4 (local.get $sizes)))))
    (local.set $code (call $run (local.get $count) (local.get $arguments)))
    (if (local.get $code) (then (call $exit (i32.const 1))))))
