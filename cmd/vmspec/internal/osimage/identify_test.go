package osimage

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes/image/imagetest"
)

func TestIdentify(t *testing.T) {
	zImageFile := make([]byte, 4096)
	copy(zImageFile[zImageAt:], zImage)
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
