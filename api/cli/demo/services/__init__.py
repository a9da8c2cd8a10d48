"""The demo of services: a shop of four WASM services in four languages."""
