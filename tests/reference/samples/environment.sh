# Socket path
export FABRICKS_SOCKET=/tmp/fabricks.sock
# Log level
export FABRICKS_LOG_LEVEL=debug
# Data directory
export FABRICKS_DATA_DIR=~/.fabricks
# API key
export FABRICKS_API_KEY=secret-key
