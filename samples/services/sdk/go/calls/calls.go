// Package calls asks other services, and the world where the manifest grants it. Importing it asks for the capability.
package calls

import (
	"fmt"
	"syscall"
	"unsafe"

	"fabric.example/sdk/fabric"
)

const room = 1 << 20

//go:wasmimport fabric http_request
func httpRequest(request unsafe.Pointer, n uint32, answer unsafe.Pointer, room uint32) int32

// Do sends a request and waits for its answer. A refusal is an answer of status 0 whose body says why.
func Do(method, url string, headers map[string]string, body []byte) (fabric.Answer, error) {
	request := fabric.WriteRequest(method, url, headers, body)
	answer := make([]byte, room)
	n := httpRequest(unsafe.Pointer(&request[0]), uint32(len(request)), unsafe.Pointer(&answer[0]), room)
	if n < 0 {
		return fabric.Answer{}, fmt.Errorf("%s %s: %w", method, url, syscall.Errno(-n))
	}
	return fabric.ReadAnswer(answer[:n])
}
