package image_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes/image"
	"vmspec/probes/image/imagetest"
)

// inspect reads an image as vmspec image check does.
func inspect(i *imagetest.Image) *image.Disk {
	return image.Inspect(i, i.Size, image.Options{Follow: true})
}

func TestInspect(t *testing.T) {
	i := imagetest.New(imagetest.Good())
	d := inspect(i)
	require.Equal(t, 512, d.Sector)
	require.Equal(t, image.MBR{Kind: image.Protective}, d.MBR)
	require.True(t, d.Primary.Whole && d.Primary.Sound(), d.Primary.Seen)
	require.True(t, d.Backup.Whole && d.Backup.Sound(), d.Backup.Seen)
	require.True(t, d.Layout.Sound(), d.Layout)
	require.Len(t, d.ESPs, 1)
	e := d.ESPs[0]
	require.True(t, e.Tree.Sound(), e.Tree)
	require.Equal(t, image.FileSystem{Kind: "FAT32", Clusters: 65525, Sector: 512}, e.FS)
	for arch, machine := range map[string]uint16{"arm64": image.MachineAArch64, "arm": image.MachineARM} {
		p := e.Program(arch)
		require.Equal(t, image.File, p.Is, p)
		require.True(t, p.Chain.Sound())
		require.True(t, p.Header.Sound(), p.Header.Seen)
		require.Equal(t, machine, p.Header.Machine)
		require.Equal(t, uint16(image.Application), p.Header.Subsystem)
	}
	require.Empty(t, d.Raw)
	require.Equal(t, 2, e.Files)
	require.Less(t, i.Reads, 64<<10, "no more is read than needed")
}
