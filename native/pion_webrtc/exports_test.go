package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strings"
	"testing"
)

// The C compiler compares the types, since exports.go includes the header; this compares that
// nothing is missing on either side, and the number of parameters.
func TestExportsAreThoseOfTheHeader(t *testing.T) {
	declared := declarations(t, "../include/pion_webrtc.h")
	exported := exports(t, "exports.go")
	if len(declared) == 0 {
		t.Fatal("no declaration found in the header")
	}
	for name, arity := range declared {
		if got, ok := exported[name]; !ok {
			t.Errorf("%s is declared and not exported", name)
		} else if got != arity {
			t.Errorf("%s has %d parameters, the header says %d", name, got, arity)
		}
	}
	for name := range exported {
		if _, ok := declared[name]; !ok {
			t.Errorf("%s is exported and not declared", name)
		}
	}
}

func declarations(t *testing.T, path string) map[string]int {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile(`(?s)/\*.*?\*/`).ReplaceAllString(string(text), "")
	found := map[string]int{}
	for _, match := range regexp.MustCompile(`(?m)^int(?:32|64)_t (\w+)\(([^)]*)\);`).FindAllStringSubmatch(code, -1) {
		arity := strings.Count(match[2], ",") + 1
		if strings.TrimSpace(match[2]) == "void" {
			arity = 0
		}
		found[match[1]] = arity
	}
	return found
}

func exports(t *testing.T, path string) map[string]int {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	for _, declaration := range file.Decls {
		function, ok := declaration.(*ast.FuncDecl)
		if !ok || function.Doc == nil || !strings.Contains(function.Doc.List[len(function.Doc.List)-1].Text, "//export ") {
			continue
		}
		arity := 0
		for _, field := range function.Type.Params.List {
			arity += max(1, len(field.Names))
		}
		found[function.Name.Name] = arity
	}
	return found
}
