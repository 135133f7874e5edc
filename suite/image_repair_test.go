package suite

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes/image"
	"vmspec/probes/image/imagetest"
)

// What sgdisk is said to repair it does, and the data stay.
func TestRepairs(t *testing.T) {
	t.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin")
	_, err := exec.LookPath("sgdisk")
	if err != nil && os.Getenv("VMSPEC_BOOT") == "" {
		t.Skip("make test-tools installs it: ", err)
	}
	require.NoError(t, err)
	wipe := func(at func(i *imagetest.Image) int64, n int) func(i *imagetest.Image) {
		return func(i *imagetest.Image) { i.Put(at(i), make([]byte, n)...) }
	}
	header := func(i *imagetest.Image) int64 { return i.Header(false) }
	backup := func(i *imagetest.Image) int64 { return i.Header(true) }
	for name, c := range map[string]struct {
		id     string
		change func(i *imagetest.Image)
	}{
		"no primary header":            {"IMG-GPT", wipe(header, 512)},
		"no primary table":             {"IMG-GPT", wipe(header, 33*512)},
		"neither MBR nor primary":      {"IMG-GPT", wipe(func(*imagetest.Image) int64 { return 0 }, 34*512)},
		"a wrong CRC":                  {"IMG-GPT", func(i *imagetest.Image) { i.Put(i.Header(false)+16, 0) }},
		"wrong entries":                {"IMG-GPT", func(i *imagetest.Image) { i.Put(i.Entry(false, 0)+56, 'X') }},
		"no backup header":             {"IMG-GPT-BACKUP", wipe(backup, 512)},
		"no backup table":              {"IMG-GPT-BACKUP", wipe(func(i *imagetest.Image) int64 { return i.Entry(true, 0) }, 33*512)},
		"wrong backup entries":         {"IMG-GPT-BACKUP", func(i *imagetest.Image) { i.Put(i.Entry(true, 0)+56, 'X') }},
		"an MBR with an ESP":           {"IMG-GPT", mbrOnly},
		"the same, of its MBR":         {"IMG-MBR-PROTECTIVE", mbrOnly},
		"an ESP that firmware ignores": {"IMG-ESP-TYPE", func(i *imagetest.Image) { i.Both(0, 48, image.Ignored) }},
	} {
		t.Run(name, func(t *testing.T) {
			i := imagetest.New(imagetest.Good())
			good := judgeImage(inspect(i))
			c.change(i)
			broken := judgeImage(inspect(i))[c.id]
			require.Equal(t, Fail, broken.Verdict)
			_, command, told := strings.Cut(broken.Fix, ": ")
			require.True(t, told, broken.Fix)
			file := filepath.Join(t.TempDir(), "disk")
			out, err := os.Create(file)
			require.NoError(t, err)
			defer out.Close()
			require.NoError(t, out.Truncate(i.Size))
			require.NoError(t, i.Pages(func(at int64, b []byte) error {
				_, err := out.WriteAt(b, at)
				return err
			}))
			said, err := exec.Command("sh", "-c", strings.Replace(command, "FILE.", "'"+file+"'", 1)).CombinedOutput()
			require.NoError(t, err, string(said))
			got := judgeImage(image.Inspect(out, i.Size, image.Options{Follow: true}))
			for id, f := range got {
				require.Equal(t, good[id].Verdict, f.Verdict, "%s: %s\n%s", id, f.Problem, said)
			}
		})
	}
}
