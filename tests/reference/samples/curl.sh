curl --unix-socket /var/run/fabricks.sock \
-X POST \
-H "Content-Type: application/json" \
-d '{"name":"api-service","image":"wasm://my-api:v1.0.0"}' \
http://localhost/v1/services

curl --unix-socket /var/run/fabricks.sock \
-X POST \
-H "Content-Type: application/json" \
-d '{"reference":"rust-http:0.1.0"}' \
http://localhost/v1/services/run-module

curl --unix-socket /var/run/fabricks.sock \
http://localhost/v1/services?state=running

curl --unix-socket /var/run/fabricks.sock \
"http://localhost/v1/services/my-service/logs"

curl --unix-socket /var/run/fabricks.sock \
"http://localhost/v1/services/srv_abc123/logs"

curl --unix-socket /var/run/fabricks.sock \
"http://localhost/v1/services/my-service/logs?tail=100"

curl --unix-socket /var/run/fabricks.sock \
"http://localhost/v1/services/my-service/logs?tail=0"

curl --unix-socket /var/run/fabricks.sock \
-N \
"http://localhost/v1/events?types=service.started,service.failed"

curl --unix-socket /var/run/fabricks.sock \
-H "X-Fabricks-API-Key: your-secret-key" \
http://localhost/v1/services
