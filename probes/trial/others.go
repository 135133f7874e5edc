//go:build !linux

package trial

import (
	"errors"
	"io"
	"io/fs"
	"time"
)

func pin(int) error { return errors.ErrUnsupported }

func nap(time.Duration) error { return errors.ErrUnsupported }

func yield() {}

func currentCPU() int { return -1 }

func openEntropy() (io.ReadCloser, error) { return nil, errors.ErrUnsupported }

func openPort(string) error { return errors.ErrUnsupported }

func askOn(string, string) (io.ReadCloser, error) { return nil, errors.ErrUnsupported }

func openLink(fs.FS, string) (link, error) { return link{}, errors.ErrUnsupported }

func openOutside([]string) (outside, error) { return outside{}, errors.ErrUnsupported }

func writeFile(string, string) error { return errors.ErrUnsupported }

func freeBytes() (uint64, error) { return 0, errors.ErrUnsupported }

func withMemory(int, []int, func([]byte) error) error { return errors.ErrUnsupported }

func frames([]byte, int) ([]uint64, error) { return nil, errors.ErrUnsupported }
