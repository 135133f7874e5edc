package osimage

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"

	"vmspec/initramfs"
)

// kernelArch returns the architecture of a kernel, as Go names it; empty if the
// file is no kernel for ARM.
func kernelArch(r *io.SectionReader) string {
	head := make(initramfs.KernelHead, initramfs.KernelHeadSize)
	if _, err := r.ReadAt(head, 0); err != nil {
		return ""
	}
	if head.Gzip() {
		z, err := unpacked(again(r))
		if err != nil {
			return ""
		}
		if _, err := io.ReadFull(z, head); err != nil {
			return ""
		}
	}
	if head.Zboot() {
		_, arch, _ := readSections(r)
		return arch
	}
	return head.Arch()
}

// again reads from the beginning.
func again(r *io.SectionReader) io.Reader { return io.NewSectionReader(r, 0, r.Size()) }

// imageOf returns the kernel unpacked, as it lies in memory. In a zImage it stays
// packed.
func imageOf(r *io.SectionReader) (io.Reader, error) {
	head := make(initramfs.KernelHead, initramfs.KernelHeadSize)
	if _, err := r.ReadAt(head, 0); err != nil {
		return nil, fmt.Errorf("%d bytes are no kernel", r.Size())
	}
	if head.Zboot() {
		at, size, _, err := head.Payload()
		if err != nil {
			return nil, err
		}
		return unpacked(io.NewSectionReader(r, int64(at), int64(size)))
	}
	if head.Gzip() {
		return unpacked(again(r))
	}
	return again(r), nil
}

// Marks in a kernel's memory: init/version.c, kernel/configs.c.
const (
	banner      = "Linux version "
	configMark  = "IKCFG_ST"
	scanWindow  = 1 << 20
	scanOverlap = 256
	maxKernel   = 1 << 30
)

// scan searches a kernel for its release and its configuration. What it does not
// find is empty.
func scan(r *io.SectionReader) (release, config string, err error) {
	kernel, err := imageOf(r)
	if err != nil {
		return "", "", err
	}
	in := bufio.NewReaderSize(io.LimitReader(kernel, maxKernel), scanWindow)
	for {
		window, err := in.Peek(scanWindow)
		if release == "" {
			release = releaseIn(window)
		}
		if at := bytes.Index(window, []byte(configMark+"\x1f\x8b")); at >= 0 {
			_, _ = in.Discard(at + len(configMark))
			config = readConfig(in)
			continue
		}
		if errors.Is(err, io.EOF) {
			return release, config, nil
		}
		if err != nil {
			return "", "", err
		}
		_, _ = in.Discard(len(window) - scanOverlap)
	}
}

// releaseIn finds a release behind a banner. A banner that is a format string has
// none.
func releaseIn(window []byte) string {
	for {
		_, rest, ok := bytes.Cut(window, []byte(banner))
		if !ok {
			return ""
		}
		word, _, ended := strings.Cut(string(rest[:min(len(rest), scanOverlap/2)]), " ")
		if ended && isRelease(word) {
			return word
		}
		window = rest
	}
}

// isRelease reports whether a word can be the release of a kernel, and the name of
// a directory: it begins with a digit and has at most 64 bytes (__NEW_UTS_LEN).
func isRelease(word string) bool {
	return word != "" && len(word) <= 64 && word[0] >= '0' && word[0] <= '9' && !strings.ContainsAny(word, "/\x00\n")
}

// readConfig reads a configuration packed by gzip; empty if it is damaged.
func readConfig(in *bufio.Reader) string {
	z, err := gzip.NewReader(in)
	if err != nil {
		return ""
	}
	z.Multistream(false)
	b, err := io.ReadAll(io.LimitReader(z, maxConfig))
	if err != nil {
		return ""
	}
	return string(b)
}
