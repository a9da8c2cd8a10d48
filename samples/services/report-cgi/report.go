// report-cgi: a CGI program (RFC 3875) that adds up columns of numbers.
package main

import (
	"encoding/csv"
	"fmt"
	"os"
	"strconv"
)

func main() {
	switch os.Getenv("PATH_INFO") {
	case "/health":
		respond("200 OK", "ok\n")
	case "/env":
		respond("200 OK", os.Getenv("REQUEST_METHOD")+" "+os.Getenv("QUERY_STRING")+" "+os.Getenv("REGION")+"\n")
	case "/report":
		report()
	default:
		respond("404 Not Found", "no such path\n")
	}
}

func respond(status, body string) {
	fmt.Printf("Status: %s\r\nContent-Type: text/plain\r\n\r\n%s", status, body)
}

func report() {
	rows, err := csv.NewReader(os.Stdin).ReadAll()
	if err != nil {
		fmt.Fprintln(os.Stderr, "not CSV:", err)
		respond("400 Bad Request", "the body is not CSV\n")
		return
	}
	total := 0.0
	for _, row := range rows {
		for _, cell := range row {
			if number, err := strconv.ParseFloat(cell, 64); err == nil {
				total += number
			}
		}
	}
	respond("200 OK", fmt.Sprintf("rows: %d\ntotal: %g\n", len(rows), total))
}
