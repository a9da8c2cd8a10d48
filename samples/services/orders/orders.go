// orders: takes orders and keeps them as long as the instance lives; with a volume at /data, longer.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"fabric.example/sdk/fabric"
)

const file = "/data/orders.json"

type order struct {
	ID    int    `json:"id"`
	Item  string `json:"item"`
	Count int    `json:"count"`
}

var orders = []order{}

func init() {
	if kept, err := os.ReadFile(file); err == nil {
		if err := json.Unmarshal(kept, &orders); err != nil {
			fmt.Fprintln(os.Stderr, "orders.json cannot be read:", err)
		}
	}
	fabric.Serve(answer)
}

func main() {}

func answer(request fabric.Request) fabric.Answer {
	switch {
	case request.Path == "/health":
		return fabric.Answer{Body: []byte("ok\n")}
	case request.Path == "/orders" && request.Method == "POST":
		return place(request.Body)
	case request.Path == "/orders":
		return asJSON(200, orders)
	case strings.HasPrefix(request.Path, "/orders/"):
		return show(strings.TrimPrefix(request.Path, "/orders/"))
	case request.Path == "/crash":
		panic("asked to crash")
	case request.Path == "/exit":
		os.Exit(3)
	}
	return asJSON(404, map[string]string{"error": "no such path"})
}

func place(body []byte) fabric.Answer {
	var wanted order
	if err := json.Unmarshal(body, &wanted); err != nil || wanted.Item == "" || wanted.Count < 1 {
		return asJSON(400, map[string]string{"error": "an order has an item and a count of 1 or more"})
	}
	wanted.ID = len(orders) + 1
	orders = append(orders, wanted)
	if _, err := os.Stat("/data"); err == nil {
		if err := keep(); err != nil {
			orders = orders[:len(orders)-1]
			return asJSON(507, map[string]string{"error": err.Error()})
		}
	}
	return asJSON(201, wanted)
}

// A new file takes the old one's place, so that a crash leaves one of the two.
func keep() error {
	written, err := json.Marshal(orders)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", written, 0o644); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

func show(id string) fabric.Answer {
	number, err := strconv.Atoi(id)
	if err != nil || number < 1 || number > len(orders) {
		return asJSON(404, map[string]string{"error": "no such order"})
	}
	return asJSON(200, orders[number-1])
}

func asJSON(status int, value any) fabric.Answer {
	body, err := json.Marshal(value)
	if err != nil {
		return fabric.Answer{Status: 500}
	}
	return fabric.Answer{Status: status, Headers: map[string]string{"content-type": "application/json"}, Body: append(body, '\n')}
}
