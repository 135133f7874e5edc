package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// makeFolder makes the folder that a flag's file is to lie in.
func makeFolder(flag, file string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("%s: %w", flag, err)
	}
	return nil
}
