package osimage

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Where a kernel says what it is: Linux's Documentation/arm64/booting.rst,
// arch/arm/boot/compressed/head.S and drivers/firmware/efi/libstub/zboot-header.S.
const (
	headSize            = 64 // as far as they lie
	arm64At, arm64Magic = 56, "ARM\x64"
	zImageAt, zImage    = 0x24, "\x18\x28\x6f\x01"
	zbootAt, zboot      = 4, "zimg"
)

// kernelArch returns a kernel's architecture, as Go names it; empty if a file is
// none for ARM.
func kernelArch(r *io.SectionReader) string {
	head := make([]byte, headSize)
	if _, err := r.ReadAt(head, 0); err != nil {
		return ""
	}
	if bytes.HasPrefix(head, []byte("\x1f\x8b")) {
		z, err := unpacked(again(r))
		if err != nil {
			return ""
		}
		if _, err := io.ReadFull(z, head); err != nil {
			return ""
		}
	}
	switch {
	case string(head[arm64At:arm64At+4]) == arm64Magic:
		return "arm64"
	case string(head[zImageAt:zImageAt+4]) == zImage:
		return "arm"
	case string(head[zbootAt:zbootAt+4]) == zboot:
		_, arch, _ := readSections(r)
		return arch
	}
	return ""
}

// again reads from the beginning.
func again(r *io.SectionReader) io.Reader { return io.NewSectionReader(r, 0, r.Size()) }

// imageOf returns the kernel as it lies in memory, as far as it is packed in a
// way that is known. Within a zImage it stays packed.
func imageOf(r *io.SectionReader) (io.Reader, error) {
	head := make([]byte, headSize)
	if _, err := r.ReadAt(head, 0); err != nil {
		return nil, fmt.Errorf("%d bytes are no kernel", r.Size())
	}
	if string(head[zbootAt:zbootAt+4]) == zboot && string(head[:2]) == "MZ" {
		at, size := int64(binary.LittleEndian.Uint32(head[8:])), int64(binary.LittleEndian.Uint32(head[12:]))
		return unpacked(io.NewSectionReader(r, at, size))
	}
	if bytes.HasPrefix(head, []byte("\x1f\x8b")) {
		return unpacked(again(r))
	}
	return again(r), nil
}

// What a kernel's memory shows of it: init/version.c, kernel/configs.c.
const (
	banner      = "Linux version "
	configMark  = "IKCFG_ST"
	scanWindow  = 1 << 20
	scanOverlap = 256
	maxKernel   = 1 << 30
)

// scan looks through a kernel for its release and its configuration, either
// empty if it does not show it.
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

// releaseIn finds the release in what follows a banner; format strings have
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

// isRelease tells whether a word can be a kernel's release, and a directory's
// name: at most 64 bytes (__NEW_UTS_LEN) from a digit on.
func isRelease(word string) bool {
	return word != "" && len(word) <= 64 && word[0] >= '0' && word[0] <= '9' && !strings.ContainsAny(word, "/\x00\n")
}

// readConfig reads the gzip file at which a configuration begins. What is
// damaged is none.
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
