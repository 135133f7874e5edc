//go:build !linux

package guest

import (
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"
)

func pin(int) error { return errors.ErrUnsupported }

func nap(time.Duration) error { return errors.ErrUnsupported }

func yield() {}

func currentCPU() int { return -1 }

// ReadLog returns the kernel's log; it is Linux's alone.
func ReadLog() ([]byte, error) { return nil, errors.ErrUnsupported }

func physical(uint64, int) ([]byte, error) { return nil, errors.ErrUnsupported }

func errnoName(errno syscall.Errno) string { return fmt.Sprintf("errno%d", int(errno)) }

func openDisk(string) (blockReader, error) { return nil, errors.ErrUnsupported }

func openEntropy() (io.ReadCloser, error) { return nil, errors.ErrUnsupported }

func openPort(string) error { return errors.ErrUnsupported }

func askOn(string, string) (io.ReadCloser, error) { return nil, errors.ErrUnsupported }

func watchLog() (func() string, error) { return nil, errors.ErrUnsupported }

func writeFile(string, string) error { return errors.ErrUnsupported }

func freeBytes() (uint64, error) { return 0, errors.ErrUnsupported }

func withMemory(int, []int, func([]byte) error) error { return errors.ErrUnsupported }

func frames([]byte, int) ([]uint64, error) { return nil, errors.ErrUnsupported }
