//go:build faults

package main

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// inject breaks the step that the kernel's parameter names, which comes to PID
// 1 as a variable of its environment:
//
//	faults=KIND/NAME:hang|crash|panic|memory|kernel
func inject(step string) {
	name, how, _ := strings.Cut(os.Getenv("faults"), ":")
	if step != strings.Replace(name, "/", " ", 1) {
		return
	}
	say("%s: fault %s", step, how)
	switch how {
	case "hang":
		for {
			_ = unix.Pause()
		}
	case "crash":
		_ = unix.Kill(os.Getpid(), unix.SIGILL)
		_ = unix.Pause()
	case "panic":
		panic("injected")
	case "memory":
		fillMemory()
	case "kernel": // Documentation/admin-guide/sysrq.rst
		_ = os.WriteFile("/proc/sysrq-trigger", []byte("c"), 0)
	default:
		panic(fmt.Sprintf("faults=%s: no such fault", os.Getenv("faults")))
	}
}

// fillMemory takes memory until somebody ends the process.
func fillMemory() {
	const piece = 16 << 20
	for taken := [][]byte{}; ; {
		b := make([]byte, piece)
		for i := 0; i < piece; i += os.Getpagesize() {
			b[i] = 1
		}
		taken = append(taken, b)
	}
}
