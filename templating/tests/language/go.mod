module language

go 1.26
