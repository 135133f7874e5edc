package osimage

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes/image/imagetest"
)

func TestIdentify(t *testing.T) {
	zImageFile := make([]byte, 4096)
	copy(zImageFile[0x24:], "\x18\x28\x6f\x01")
	for name, test := range map[string]struct {
		data          []byte
		arch, release string
	}{
		"nothing":   {nil, "", ""},
		"cut":       {imagetest.Kernel(release)[:60], "", ""},
		"no kernel": {append(make([]byte, 100), banner+"6.1 (x)"...), "", ""},
		"a kernel":  {imagetest.Kernel(release), "arm64", release},
		"packed":    {gzipped(t, imagetest.Kernel(release)), "arm64", release},
		"a zImage":  {zImageFile, "arm", ""},
	} {
		arch, got := Identify(bytes.NewReader(test.data), int64(len(test.data)))
		require.Equal(t, test.arch, arch, name)
		require.Equal(t, test.release, got, name)
	}
}

func TestReleaseOf(t *testing.T) {
	require.Equal(t, release, ReleaseOf(bytes.NewReader(ramdisk())))
	require.Empty(t, ReleaseOf(bytes.NewReader(ramdisk()[:200])), "cut")
	require.Empty(t, ReleaseOf(bytes.NewReader(imagetest.Newc(file("init", "x")))), "no modules")
	require.Empty(t, ReleaseOf(bytes.NewReader(nil)))
}

func TestWhat(t *testing.T) {
	x86 := make([]byte, 1024)
	copy(x86[0x202:], "HdrS")
	for text, want := range map[string]string{
		"":                      "an empty file",
		"root:x:0:0":            "",
		string(x86):             "a kernel for x86",
		string(x86[:0x203]):     "",
		"\x7fELF\x02\x01":       "an ELF file",
		"\x27\x05\x19\x56":      "U-Boot's uImage",
		"\xd0\x0d\xfe\xed":      "a device tree",
		"#!/bin/sh\n":           "a script",
		"07070100000000":        "a cpio archive",
		string(make([]byte, 9)): "",
	} {
		got := What(bytes.NewReader([]byte(text)))
		require.Equal(t, want == "", got == "", "%q: %s", text, got)
		require.Contains(t, got, want)
	}
}
