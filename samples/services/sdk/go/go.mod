module fabric.example/sdk

go 1.24
