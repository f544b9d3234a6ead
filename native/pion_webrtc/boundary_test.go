package main

import (
	"debug/elf"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

func ldflags(t *testing.T) string {
	t.Helper()
	if runtime.GOOS != "linux" {
		return "-ldflags=-s -w"
	}
	exports, err := filepath.Abs("exports.map")
	if err != nil {
		t.Fatal(err)
	}
	return `-ldflags=-s -w -extldflags "-Wl,--version-script=` + exports + `"`
}

// visible are the symbols that a library shows.
func visible(t *testing.T, library string) []string {
	t.Helper()
	file, err := elf.Open(library)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	symbols, err := file.DynamicSymbols()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, symbol := range symbols {
		if symbol.Section != elf.SHN_UNDEF {
			names = append(names, symbol.Name)
		}
	}
	return names
}

// The library as a C program sees it that loads it at run time, as the host does.
func TestTheBoundaryInC(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs dlopen")
	}
	directory := t.TempDir()
	library, program := filepath.Join(directory, "libpion_webrtc.so"), filepath.Join(directory, "boundary")
	for _, command := range [][]string{
		{"go", "build", "-buildvcs=false", "-trimpath", "-buildmode=c-shared", ldflags(t), "-o", library, "."},
		{"cc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-o", program, "tests/boundary.c", "-ldl", "-lpthread"},
		{program, library},
	} {
		if output, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", command, err, output)
		}
	}
	if runtime.GOOS == "linux" {
		declared := declarations(t, "../include/pion_webrtc.h")
		for _, name := range visible(t, library) {
			if _, ok := declared[name]; !ok {
				t.Errorf("the library shows %s", name)
			}
		}
	}
}
