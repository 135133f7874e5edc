//go:build !linux

package look

import "errors"

// ReadLog returns the kernel's log; it is Linux's alone.
func ReadLog() ([]byte, error) { return nil, errors.ErrUnsupported }

// WatchLog watches the kernel's log; it is Linux's alone.
func WatchLog() (func() string, error) { return nil, errors.ErrUnsupported }

// OpenDisk opens a disk; it is Linux's alone.
func OpenDisk(string) (BlockReader, error) { return nil, errors.ErrUnsupported }

func physical(uint64, int) ([]byte, error) { return nil, errors.ErrUnsupported }
