#!/bin/bash
SOCKET="/var/run/fabricks.sock"
API="http://localhost/v1"
# Create service
SERVICE_ID=$(curl -s --unix-socket $SOCKET \
-X POST \
-H "Content-Type: application/json" \
-d '{
"name": "my-api",
"image": "wasm://my-api:v1.0.0",
"networks": ["application"],
"replicas": {"min": 2, "max": 10}
}' \
"$API/services" | jq -r '.data.id')
echo "Created service: $SERVICE_ID"
# Wait for healthy
while true; do
HEALTH=$(curl -s --unix-socket $SOCKET \
"$API/health/$SERVICE_ID" | jq -r '.data.health')
if [ "$HEALTH" == "healthy" ]; then
echo "Service is healthy!"
break
fi
echo "Waiting for healthy... (current: $HEALTH)"
sleep 5
done
# Stream logs
curl -s --unix-socket $SOCKET \
-N \
"$API/services/$SERVICE_ID/logs?follow=true"
