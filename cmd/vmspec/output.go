package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// makeFolder makes the folder that a flag's file is to lie in.
func makeFolder(flag, file string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("%s: %w", flag, err)
	}
	return nil
}

// writeFile writes a file as a whole or leaves what was there. What is no
// regular file, such as /dev/stdout, is written to.
func writeFile(name string, data []byte) error {
	if real, err := filepath.EvalSymlinks(name); err == nil {
		name = real
	}
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		return os.WriteFile(name, data, 0o644)
	}
	part := name + ".part"
	err := os.WriteFile(part, data, 0o644)
	if err == nil {
		err = os.Rename(part, name)
	}
	if err != nil {
		_ = os.Remove(part)
	}
	return err
}

// openOutput opens a flag's file, with what was there before, and keeps it from
// other runs until it is closed. Any number may write to a device.
func openOutput(flag, name string) (*os.File, error) {
	if err := makeFolder(flag, name); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	if !regular(f) {
		return f, nil
	}
	// A file system without locks is no reason to refuse.
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, errors.Join(fmt.Errorf("%s %s: another run is writing to it", flag, name), f.Close())
	}
	return f, nil
}

// empty empties a flag's file; a device has nothing to be emptied of.
func empty(flag string, f *os.File) error {
	if !regular(f) {
		return nil
	}
	if err := f.Truncate(0); err != nil {
		return fmt.Errorf("%s: %w", flag, err)
	}
	return nil
}

func regular(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode().IsRegular()
}
