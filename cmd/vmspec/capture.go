package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"vmspec/probes/guest"
)

// checkCapture says when a run that reported left no capture. That is worth an
// exit status of its own only where the report has none to tell, or where the
// fault is this machine's.
func checkCapture(stderr io.Writer, name string, concluded error) error {
	err := readCapture(name)
	if err == nil {
		return concluded
	}
	if full := noSpace(name); full != nil {
		return fmt.Errorf("--capture: %w", full)
	}
	err = fmt.Errorf("--capture %s: the guest sent no whole capture, "+
		"for which its kernel needs virtio_console and its timer must run: %w", name, err)
	return uncaptured(stderr, err, concluded)
}

// uncaptured says that there is no capture, beside a report.
func uncaptured(stderr io.Writer, err, concluded error) error {
	if concluded == nil {
		return err
	}
	fmt.Fprintln(stderr, "vmspec:", err)
	return concluded
}

func readCapture(name string) error {
	in, err := os.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	_, err = guest.ReadCapture(in)
	return err
}

// noSpace returns the error of writing to a file on a full disk, of which QEMU
// says nothing, and removes the file, which is cut. Else it returns nil and
// leaves the file as it was.
func noSpace(name string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return nil
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeNamedPipe != 0 {
		return nil
	}
	_, err = f.Write(make([]byte, 64<<10)) // more than a page that is half empty may take
	full := errors.Is(err, syscall.ENOSPC)
	switch {
	case !info.Mode().IsRegular():
	case full:
		_ = os.Remove(name)
	default:
		_ = f.Truncate(info.Size())
	}
	if full {
		return err
	}
	return nil
}
