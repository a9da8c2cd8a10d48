# Foreground (for debugging)
fabricksd start
# Background
fabricksd start --detach
# With custom config
fabricksd start --config /path/to/config.toml
# With specific socket
fabricksd start --socket /tmp/fabricks.sock
# Graceful shutdown
fabricksd stop
# Force shutdown
fabricksd stop --force
# Stop with timeout
fabricksd stop --timeout 30s
# Check daemon status
fabricksd status
# Verbose status
fabricksd status --verbose
# View daemon logs
fabricksd logs
# Follow logs
fabricksd logs --follow
# Last N lines
fabricksd logs --tail 100
# Since timestamp
fabricksd logs --since 2025-01-15T10:00:00Z
# Reload config without restart
fabricksd reload
# Validate config before reload
fabricksd reload --validate
# Generate new API key
fabricksd api-key generate
# List API keys
fabricksd api-key list
# Revoke API key
fabricksd api-key revoke <key-id>
