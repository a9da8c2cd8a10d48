// Package fabric is an HTTP service in Go, for the warm reactor ABI that docs/guests.md describes.
// A guest calls Serve in an init function, and leaves main empty.
package fabric

import (
	"encoding/binary"
	"errors"
	"net/url"
	"strings"
)

// Request is what a client asked. Header names are in lower case.
type Request struct {
	Method, Path string
	Query        url.Values
	Headers      map[string]string
	Body         []byte
}

// Answer is what it gets. A Status of 0 means 200.
type Answer struct {
	Status  int
	Headers map[string]string
	Body    []byte
}

var errFormat = errors.New("fabric: a message that cannot be read")

type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) take(n uint32) []byte {
	if uint64(n) > uint64(len(r.rest)) {
		r.bad = true
		return nil
	}
	part := r.rest[:n]
	r.rest = r.rest[n:]
	return part
}

func (r *reader) number(bytes uint32) uint32 {
	var whole [4]byte
	copy(whole[:], r.take(bytes))
	return binary.LittleEndian.Uint32(whole[:])
}

func (r *reader) headers() map[string]string {
	headers := map[string]string{}
	for left := r.number(2); left > 0 && !r.bad; left-- {
		name := string(r.take(r.number(2)))
		headers[name] = string(r.take(r.number(4)))
	}
	return headers
}

func readRequest(message []byte) (request Request, err error) {
	r := reader{rest: message}
	r.bad = r.number(1) != 1
	request.Method = string(r.take(r.number(1)))
	path, query, _ := strings.Cut(string(r.take(r.number(4))), "?")
	request.Path = path
	request.Query, _ = url.ParseQuery(query)
	request.Headers = r.headers()
	request.Body = r.take(r.number(4))
	if r.bad {
		return request, errFormat
	}
	return request, nil
}

func writeAnswer(answer Answer) []byte {
	if answer.Status == 0 {
		answer.Status = 200
	}
	message := binary.LittleEndian.AppendUint16([]byte{1}, uint16(answer.Status))
	return appendRest(message, answer.Headers, answer.Body)
}

func appendRest(message []byte, headers map[string]string, body []byte) []byte {
	message = binary.LittleEndian.AppendUint16(message, uint16(len(headers)))
	for name, value := range headers {
		message = binary.LittleEndian.AppendUint16(message, uint16(len(name)))
		message = append(message, name...)
		message = binary.LittleEndian.AppendUint32(message, uint32(len(value)))
		message = append(message, value...)
	}
	message = binary.LittleEndian.AppendUint32(message, uint32(len(body)))
	return append(message, body...)
}

// WriteRequest is for package calls.
func WriteRequest(method, url string, headers map[string]string, body []byte) []byte {
	message := append([]byte{1, byte(len(method))}, method...)
	message = binary.LittleEndian.AppendUint32(message, uint32(len(url)))
	return appendRest(append(message, url...), headers, body)
}

// ReadAnswer is for package calls.
func ReadAnswer(message []byte) (answer Answer, err error) {
	r := reader{rest: message}
	r.bad = r.number(1) != 1
	answer.Status = int(r.number(2))
	answer.Headers = r.headers()
	answer.Body = r.take(r.number(4))
	if r.bad {
		return answer, errFormat
	}
	return answer, nil
}
