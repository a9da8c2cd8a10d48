module fabric.example/report

go 1.24
