"""Tests of runtime/wasm."""
