module fabric.example/gate

go 1.24

require fabric.example/sdk v0.0.0

replace fabric.example/sdk => ../sdk/go
