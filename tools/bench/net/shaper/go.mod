module github.com/peerdeck/peerdeck/tools/bench/net/shaper

go 1.26

require golang.org/x/sys v0.41.0
