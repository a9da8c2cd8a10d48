// gate: the shop's front door. It keeps nothing itself; it asks catalogue, cart and ledger by their names.
package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"fabric.example/sdk/calls"
	"fabric.example/sdk/fabric"
)

type line struct {
	Item  string `json:"item"`
	Count int    `json:"count"`
}

type product struct {
	Price int `json:"price"`
}

type cart struct {
	Lines []line `json:"lines"`
}

func init() { fabric.Serve(answer) }

func main() {}

func answer(request fabric.Request) fabric.Answer {
	parts := strings.Split(strings.Trim(request.Path, "/"), "/")
	switch {
	case request.Path == "/health":
		return fabric.Answer{Body: []byte("ok\n")}
	case request.Path == "/":
		return asJSON(200, map[string]string{"shop": os.Getenv("SHOP_NAME")})
	case request.Path == "/products":
		return passed("GET", "http://catalogue/products", nil)
	case request.Path == "/receipts":
		return passed("GET", "http://ledger/entries", nil)
	case parts[0] == "carts" && len(parts) == 2:
		return carts(request, parts[1])
	case parts[0] == "checkout" && len(parts) == 2 && request.Method == "POST":
		return checkout(parts[1])
	case request.Path == "/work":
		return work(request.Query.Get("ms"))
	case request.Path == "/exit":
		os.Exit(3)
	}
	return refused(404, "no such path")
}

func carts(request fabric.Request, id string) fabric.Answer {
	if request.Method != "POST" {
		return passed("GET", "http://cart/carts/"+id, nil)
	}
	var wanted line
	if err := json.Unmarshal(request.Body, &wanted); err != nil {
		return refused(400, "a line has an item and a count")
	}
	if _, problem := price(wanted.Item); problem != nil {
		return *problem
	}
	return passed("POST", "http://cart/carts/"+id, request.Body)
}

func checkout(id string) fabric.Answer {
	var bought cart
	if problem := ask("GET", "http://cart/carts/"+id, nil, &bought); problem != nil {
		return *problem
	}
	if len(bought.Lines) == 0 {
		return refused(409, "the cart is empty")
	}
	total := 0
	for _, each := range bought.Lines {
		price, problem := price(each.Item)
		if problem != nil {
			return *problem
		}
		total += price * each.Count
	}
	entry := fmt.Sprintf(`{"cart":%q,"total":%d}`, id, total)
	written := passed("POST", "http://ledger/entries", []byte(entry))
	if written.Status == 201 {
		if problem := ask("DELETE", "http://cart/carts/"+id, nil, nil); problem != nil {
			fmt.Fprintln(os.Stderr, "the cart was paid for, and is still full:", id)
		}
	}
	return written
}

func price(item string) (int, *fabric.Answer) {
	var found product
	problem := ask("GET", "http://catalogue/products/"+url.PathEscape(item), nil, &found)
	return found.Price, problem
}

// ask reads a service's JSON; what is not 2xx is the answer to give.
func ask(method, target string, body []byte, into any) *fabric.Answer {
	got := passed(method, target, body)
	if got.Status/100 != 2 {
		return &got
	}
	if into != nil && json.Unmarshal(got.Body, into) != nil {
		problem := refused(502, target+" answered no JSON")
		return &problem
	}
	return nil
}

// passed hands on what another service answers. A refusal has status 0 and says why.
func passed(method, target string, body []byte) fabric.Answer {
	got, err := calls.Do(method, target, map[string]string{"content-type": "application/json"}, body)
	if err != nil {
		return refused(502, err.Error())
	}
	if got.Status == 0 {
		fmt.Fprintf(os.Stderr, "%s: %s\n", target, got.Body)
		return refused(502, string(got.Body))
	}
	return fabric.Answer{Status: got.Status, Headers: map[string]string{"content-type": "application/json"}, Body: got.Body}
}

// work keeps a processor busy, to have something to scale for.
func work(ms string) fabric.Answer {
	span, err := strconv.Atoi(ms)
	if err != nil || span < 0 || span > 1000 {
		return refused(400, "ms is a number up to 1000")
	}
	end := time.Now().Add(time.Duration(span) * time.Millisecond)
	turns := 0
	for time.Now().Before(end) {
		turns++
	}
	return asJSON(200, map[string]int{"ms": span, "turns": turns})
}

func refused(status int, why string) fabric.Answer { return asJSON(status, map[string]string{"error": why}) }

func asJSON(status int, value any) fabric.Answer {
	body, err := json.Marshal(value)
	if err != nil {
		return fabric.Answer{Status: 500}
	}
	return fabric.Answer{Status: status, Headers: map[string]string{"content-type": "application/json"}, Body: append(body, '\n')}
}
