//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "vmspec init: runs in a Linux guest")
	os.Exit(3)
}
