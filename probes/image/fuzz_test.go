package image_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes/image"
	"vmspec/probes/image/imagetest"
)

// sound holds what is true of the facts about any disk.
func sound(t *testing.T, d *image.Disk) {
	require.Contains(t, []int{512, 4096}, d.Sector)
	require.True(t, d.Whole() || len(d.Partitions) == 0)
	require.LessOrEqual(t, len(d.ESPs), len(d.Partitions))
	require.True(t, d.Grown >= 0 && d.Cut >= 0 && d.Grown*d.Cut == 0, "%d, %d", d.Grown, d.Cut)
	require.True(t, len(d.Bare) == 0 || !d.Whole())
	for _, e := range d.ESPs {
		require.Equal(t, image.ESPType, e.Type)
	}
	for _, e := range append(d.Bare, d.ESPs...) {
		require.True(t, e.FS.Kind != "" || e.Programs == nil)
		for _, p := range e.Programs {
			require.Equal(t, p.Is == image.File, p.Header != nil)
			require.Equal(t, p.Is == image.Nothing, p.Lacks != "")
		}
	}
}

// most is how much may be read of a disk that was altered, in bytes.
const most = 4 << 20

// fuzzDisk alters stretches of a disk: data goes to one, sealed or not.
func fuzzDisk(f *testing.F, spec imagetest.Spec, place func(i *imagetest.Image) int64) {
	f.Helper()
	seed := imagetest.New(spec)
	f.Add(seed.Get(place(seed), 128), uint16(0), true)
	f.Add([]byte{0xff, 0xff, 0xff, 0xff}, uint16(28), true)
	f.Add([]byte{}, uint16(0), false)
	f.Fuzz(func(t *testing.T, data []byte, offset uint16, seal bool) {
		i := imagetest.New(spec)
		i.Put(place(i)+int64(offset%4096), data[:min(len(data), 4096)]...)
		if seal {
			i.SealHeader(false)
			i.SealHeader(true)
		}
		d := image.Inspect(i, i.Size, image.Options{})
		sound(t, d)
		require.LessOrEqual(t, i.Reads, most)
	})
}

// small is an image that is quick to make: a FAT12.
func small() imagetest.Spec {
	s := imagetest.Good()
	s.Parts[0].FAT.Bits, s.Parts[0].FAT.Clusters = 12, 200
	return s
}

func FuzzGPT(f *testing.F) {
	fuzzDisk(f, small(), func(i *imagetest.Image) int64 { return i.Header(false) })
}

func FuzzBackup(f *testing.F) {
	fuzzDisk(f, small(), func(i *imagetest.Image) int64 { return i.Header(true) - 128*128 })
}

func FuzzFAT(f *testing.F) {
	fuzzDisk(f, small(), func(i *imagetest.Image) int64 { return i.FS[0].Boot })
}

func FuzzFAT32(f *testing.F) {
	fuzzDisk(f, imagetest.Good(), func(i *imagetest.Image) int64 { return i.FS[0].Boot })
}

func FuzzTable(f *testing.F) {
	fuzzDisk(f, imagetest.Good(), func(i *imagetest.Image) int64 { return i.FS[0].Table })
}

func FuzzDirectories(f *testing.F) {
	fuzzDisk(f, imagetest.Good(), func(i *imagetest.Image) int64 { return i.FS[0].Place(2) })
}

func FuzzPE(f *testing.F) {
	fuzzDisk(f, small(), func(i *imagetest.Image) int64 { return i.FS[0].Place(i.FS[0].At[`\EFI\BOOT\BOOTAA64.EFI`]) })
}

// FuzzBare alters the first sectors of a disk without a GPT.
func FuzzBare(f *testing.F) {
	mbr := make([]byte, 512)
	copy(mbr[446:], []byte{0, 0, 0, 0, image.TypeESP, 0, 0, 0, 0, 8, 0, 0, 0xff, 0xff, 0xff, 0xff})
	mbr[510], mbr[511] = 0x55, 0xaa
	f.Add(mbr)
	f.Add(bytes.Repeat(mbr, 2))
	f.Fuzz(func(t *testing.T, data []byte) {
		i := imagetest.New(small())
		i.Put(i.Header(true), make([]byte, 512)...)
		i.Put(0, make([]byte, 4096)...)
		i.Put(0, data[:min(len(data), 4096)]...)
		d := image.Inspect(i, i.Size, image.Options{})
		sound(t, d)
		require.True(t, d.MayBoot() || !d.Starts("arm64"))
		require.LessOrEqual(t, i.Reads, most)
	})
}
