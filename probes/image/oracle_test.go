package image_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes/image/imagetest"
)

// write makes a sparse file of an image.
func write(t *testing.T, i *imagetest.Image) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "disk.img")
	f, err := os.Create(name)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, f.Truncate(i.Size))
	require.NoError(t, i.Pages(func(at int64, b []byte) error {
		_, err := f.WriteAt(b, at)
		return err
	}))
	return name
}

// oracle runs a program that knows better, if it is there.
func oracle(t *testing.T, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		path, err = exec.LookPath("/sbin/" + name)
	}
	if err != nil {
		t.Skip(err)
	}
	out, err := exec.Command(path, args...).CombinedOutput()
	require.NoError(t, err, string(out))
	return string(out)
}

// What tests take for a good image is one for the programs that people use.
func TestImagesAreWhole(t *testing.T) {
	i := imagetest.New(imagetest.Good())
	disk := write(t, i)
	require.Contains(t, oracle(t, "sgdisk", "-v", disk), "No problems found")
	partition := disk + "@@1M"
	require.Contains(t, oracle(t, "mdir", "-i", partition, "-b", "-/"), "/EFI/BOOT/BOOTAA64.EFI")
	require.NoError(t, os.WriteFile(disk+".fat", i.Get(i.First[0], int(i.FS[0].Sectors)*i.Sector), 0o644))
	oracle(t, "fsck.vfat", "-n", disk+".fat")
}
