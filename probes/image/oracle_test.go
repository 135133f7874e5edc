package image_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
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
	if err != nil && os.Getenv("VMSPEC_BOOT") == "" {
		t.Skip("make test-tools installs it: ", err)
	}
	require.NoError(t, err)
	out, err := exec.Command(path, args...).CombinedOutput()
	require.NoError(t, err, string(out))
	return string(out)
}

// What tests take for a good image is one for the programs that people use, and
// so is each form of it.
func TestImagesAreWhole(t *testing.T) {
	for name, change := range map[string]func(s *imagetest.Spec){
		"good":                                   func(*imagetest.Spec) {},
		"FAT12":                                  func(s *imagetest.Spec) { s.Parts[0].FAT.Bits, s.Parts[0].FAT.Clusters = 12, 4084 },
		"FAT16":                                  func(s *imagetest.Spec) { s.Parts[0].FAT.Bits, s.Parts[0].FAT.Clusters = 16, 65524 },
		"clusters of 8 sectors":                  func(s *imagetest.Spec) { s.Parts[0].FAT.PerCluster = 8 },
		"sectors of 4096 bytes on a disk of 512": func(s *imagetest.Spec) { s.Parts[0].FAT.PerCluster, s.Parts[0].FAT.Large = 8, true },
		"a second partition": func(s *imagetest.Spec) {
			s.Parts = append(s.Parts, imagetest.Part{Type: imagetest.Linux, Sectors: 2048})
		},
		"a partition before it": func(s *imagetest.Spec) {
			s.Parts = []imagetest.Part{{Type: imagetest.Linux, Sectors: 2048}, s.Parts[0]}
		},
		"long names, and files and directories of nothing": func(s *imagetest.Spec) {
			for n := range 99 {
				s.Parts[0].FAT.Files = append(s.Parts[0].FAT.Files, imagetest.File{Path: fmt.Sprintf(`\EFI\a long name of file %d`, n)})
			}
			s.Parts[0].FAT.Files = append(s.Parts[0].FAT.Files, imagetest.File{Path: `\Empty`, Dir: true}, imagetest.File{Path: `\efi2\Boot\x`, Data: []byte("x")})
		},
	} {
		t.Run(name, func(t *testing.T) {
			spec := imagetest.Good()
			change(&spec)
			i := imagetest.New(spec)
			esp := slices.IndexFunc(i.FS, func(l *imagetest.Layout) bool { return l != nil })
			disk := write(t, i)
			require.Contains(t, oracle(t, "sgdisk", "-v", disk), "No problems found")
			require.NoError(t, os.WriteFile(disk+".fat", i.Get(i.First[esp], int(i.FS[esp].Sectors)*i.FS[esp].SectorSize()), 0o644))
			require.Len(t, strings.Split(strings.TrimSpace(oracle(t, "fsck.vfat", "-n", disk+".fat")), "\n"), 2, "its version and a count")
			names := oracle(t, "mdir", "-i", disk+".fat", "-b", "-/")
			for _, f := range spec.Parts[esp].FAT.Files {
				require.Contains(t, names, "::"+strings.ReplaceAll(f.Path, `\`, "/"))
			}
		})
	}
}
