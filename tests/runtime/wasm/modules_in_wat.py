"""Guests in WAT. A reactor's first byte of the request says what it does; replicas do not look into requests."""

REACTOR = """
(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 2)
  (table $table 10 funcref)
  (global $count (mut i32) (i32.const 0))
  (data (i32.const 64) "printed\\n")
  (func $recurse (param i32) (result i32)
    (i32.add (i32.const 1) (call $recurse (i32.add (local.get 0) (i32.const 1)))))
  (func $room (param $end i32)
    (block $enough
      (loop $more
        (br_if $enough (i32.le_u (local.get $end) (i32.mul (memory.size) (i32.const 65536))))
        (br_if $enough (i32.eq (memory.grow (i32.const 16)) (i32.const -1)))
        (br $more))))
  (func $number (param i32) (result i64)
    (i32.store (i32.const 128) (local.get 0))
    (i64.const 0x8000000004))
  (func (export "fabric_alloc") (param $n i32) (result i32)
    (call $room (i32.add (local.get $n) (i32.const 4096)))
    (i32.const 4096))
  (func (export "fabric_free") (param i32 i32))
  (func (export "handle") (param $at i32) (param $n i32) (result i64) (local $what i32)
    (local.set $what (i32.load8_u (local.get $at)))
    (if (i32.eq (local.get $what) (i32.const 117)) (then unreachable))                            ;; u
    (if (i32.eq (local.get $what) (i32.const 108)) (then (loop $l (br $l))))                      ;; l
    (if (i32.eq (local.get $what) (i32.const 111)) (then (drop (i32.load (i32.const -8)))))       ;; o
    (if (i32.eq (local.get $what) (i32.const 114)) (then (drop (call $recurse (i32.const 0)))))   ;; r
    (if (i32.eq (local.get $what) (i32.const 112)) (then (call $exit (i32.const 3))))             ;; p
    (if (i32.eq (local.get $what) (i32.const 120)) (then (return (i64.const 0xFFFFFF0000001000)))) ;; x
    (if (i32.eq (local.get $what) (i32.const 98)) (then (return (i64.const 0x1100000))))          ;; b
    (if (i32.eq (local.get $what) (i32.const 115)) (then                                          ;; s
      (i64.store (i32.const 200) (i64.const 0))
      (i32.store8 (i32.const 208) (i32.const 0))
      (i32.store (i32.const 216) (i32.const 1))
      (i64.store (i32.const 224) (i64.const 3600000000000))
      (i64.store (i32.const 232) (i64.const 1))
      (i32.store16 (i32.const 240) (i32.const 0))
      (drop (call $poll (i32.const 200) (i32.const 300) (i32.const 1) (i32.const 400)))))
    (if (i32.eq (local.get $what) (i32.const 103)) (then                                          ;; g
      (loop $grow (br_if $grow (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
      (return (call $number (memory.size)))))
    (if (i32.eq (local.get $what) (i32.const 116)) (then                                          ;; t
      (loop $grow (br_if $grow (i32.ne (table.grow $table (ref.null func) (i32.const 1000)) (i32.const -1))))
      (return (call $number (table.size $table)))))
    (if (i32.eq (local.get $what) (i32.const 99)) (then                                           ;; c
      (global.set $count (i32.add (global.get $count) (i32.const 1)))
      (return (call $number (global.get $count)))))
    (if (i32.eq (local.get $what) (i32.const 119)) (then                                          ;; w
      (i32.store (i32.const 32) (i32.const 64))
      (i32.store (i32.const 36) (i32.const 8))
      (drop (call $write (i32.const 1) (i32.const 32) (i32.const 1) (i32.const 40)))))
    (i64.or (i64.shl (i64.extend_i32_u (local.get $at)) (i64.const 32)) (i64.extend_i32_u (local.get $n)))))
"""
"""e or anything: echo. u l o r p: trap, loop, load out of bounds, recurse, exit with 3. x b: an answer out of bounds,
one of 17 MiB. s: sleep for an hour in WASI. g t: grow memory or table as far as it goes, answer the size. c: count.
w: print a line, then echo."""

ASKS = """
(module
  (import "fabric" "http_request" (func $ask (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 4)
  (func (export "fabric_alloc") (param i32) (result i32) (i32.const 4096))
  (func (export "fabric_free") (param i32 i32))
  (func (export "handle") (param $at i32) (param $n i32) (result i64) (local $got i32) (local $what i32)
    (local.set $what (i32.load8_u (local.get $at)))
    (if (i32.eq (local.get $what) (i32.const 98))                                                 ;; b: bad address
      (then (local.set $got (call $ask (i32.const -100) (i32.const 4096) (i32.const 65536) (i32.const 65536))))
      (else (if (i32.eq (local.get $what) (i32.const 115))                                        ;; s: small room
        (then (local.set $got (call $ask (local.get $at) (local.get $n) (i32.const 65536) (i32.const 2))))
        (else (local.set $got (call $ask (local.get $at) (local.get $n) (i32.const 65536) (i32.const 65536)))))))
    (if (i32.lt_s (local.get $got) (i32.const 0)) (then
      (i32.store (i32.const 128) (local.get $got))
      (return (i64.const 0x8000000004))))
    (i64.or (i64.const 0x1000000000000) (i64.extend_i32_u (local.get $got)))))
"""
"""Hands its request to `fabric.http_request` and answers what came, or the four bytes of -errno."""


def command(body: str, imports: str = "", memory: str = '(memory (export "memory") 1)') -> str:
    """A command whose `_start` does this."""
    return f"""
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  {imports}
  {memory}
  (data (i32.const 64) "printed\\n")
  (func $print (param $fd i32)
    (i32.store (i32.const 32) (i32.const 64))
    (i32.store (i32.const 36) (i32.const 8))
    (drop (call $write (local.get $fd) (i32.const 32) (i32.const 1) (i32.const 40))))
  (func (export "_start") {body}))
"""


SPIN = command("(loop $l (br $l))")
SLEEP = command(
    """
  (call $print (i32.const 1))
  (i64.store (i32.const 200) (i64.const 0))
  (i32.store8 (i32.const 208) (i32.const 0))
  (i32.store (i32.const 216) (i32.const 1))
  (i64.store (i32.const 224) (i64.const 3600000000000))
  (drop (call $poll (i32.const 200) (i32.const 300) (i32.const 1) (i32.const 400)))"""
)
FLOOD = command("(loop $l (call $print (i32.const 1)) (br $l))")
