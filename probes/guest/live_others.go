//go:build !linux

package guest

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"syscall"
)

func pin(int) error { return errors.ErrUnsupported }

func sleepOn(int, *atomic.Int32) error { return errors.ErrUnsupported }

// ReadLog returns the kernel's log; it is Linux's alone.
func ReadLog() ([]byte, error) { return nil, errors.ErrUnsupported }

func physical(uint64, int) ([]byte, error) { return nil, errors.ErrUnsupported }

func errnoName(errno syscall.Errno) string { return fmt.Sprintf("errno%d", int(errno)) }

func openDisk(string) (blockReader, error) { return nil, errors.ErrUnsupported }

func openEntropy() (io.ReadCloser, error) { return nil, errors.ErrUnsupported }

func openPort(string) error { return errors.ErrUnsupported }

func askOn(string, string) (io.ReadCloser, error) { return nil, errors.ErrUnsupported }
