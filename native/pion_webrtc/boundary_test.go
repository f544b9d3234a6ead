package main

import (
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// The library as a C program sees it that loads it at run time, as the host does.
func TestTheBoundaryInC(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs dlopen")
	}
	directory := t.TempDir()
	library, program := filepath.Join(directory, "libpion_webrtc.so"), filepath.Join(directory, "boundary")
	for _, command := range [][]string{
		{"go", "build", "-buildvcs=false", "-trimpath", "-buildmode=c-shared", "-ldflags=-s -w", "-o", library, "."},
		{"cc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-o", program, "tests/boundary.c", "-ldl", "-lpthread"},
		{program, library},
	} {
		if output, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", command, err, output)
		}
	}
}
