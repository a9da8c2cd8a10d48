package fabric

import (
	"fmt"
	"os"
	"runtime/debug"
	"unsafe"
)

// What the host holds: Go's collector does not move memory, and does not free what is in here.
var held = map[uint32][]byte{}

var serve = func(Request) Answer { return Answer{Status: 404} }

// Serve sets the function that answers. Call it in an init function.
func Serve(answer func(Request) Answer) { serve = answer }

func hold(bytes []byte) uint32 {
	if len(bytes) == 0 {
		bytes = make([]byte, 1)
	}
	at := uint32(uintptr(unsafe.Pointer(&bytes[0])))
	held[at] = bytes
	return at
}

//go:wasmexport fabric_alloc
func alloc(n uint32) uint32 { return hold(make([]byte, n)) }

//go:wasmexport fabric_free
func free(at, n uint32) { delete(held, at) }

//go:wasmexport handle
func handle(at, n uint32) uint64 {
	request, err := readRequest(held[at][:n])
	answer := Answer{Status: 400}
	if err == nil {
		answer = guarded(request)
	}
	message := writeAnswer(answer)
	return uint64(hold(message))<<32 | uint64(len(message))
}

// A panic is an answer of 500 and a trace in the log; the instance goes on.
func guarded(request Request) (answer Answer) {
	defer func() {
		if reason := recover(); reason != nil {
			fmt.Fprintf(os.Stderr, "panic: %v\n%s", reason, debug.Stack())
			answer = Answer{Status: 500}
		}
	}()
	return serve(request)
}
