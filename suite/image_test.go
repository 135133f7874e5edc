package suite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes"
	"vmspec/probes/guest/guesttest"
	"vmspec/probes/image"
	"vmspec/probes/image/imagetest"
	"vmspec/suite/mutants/mutantstest"
)

// judgeImage judges an image as vmspec image check does.
func judgeImage(d *image.Disk) map[string]Finding {
	facts := &probes.Facts{Image: &image.Facts{Disk: d}}
	out := map[string]Finding{}
	for _, r := range images {
		out[r.ID] = r.judge(facts, anyCheck)
	}
	return out
}

// maxMemory is how much may be allocated while an image is read.
const maxMemory = 8 << 20

func TestImages(t *testing.T) {
	good := judgeImage(inspect(imagetest.New(imagetest.Good())))
	for _, b := range brokenImages {
		t.Run(b.name, func(t *testing.T) {
			i := b.make()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			d := inspect(i)
			runtime.ReadMemStats(&after)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(maxMemory))
			require.Less(t, i.Reads, 256<<10)
			got := judgeImage(d)
			differ := map[string]Verdict{}
			for id, f := range got {
				require.NotContains(t, f.Problem, "panicked")
				if f.Verdict != good[id].Verdict {
					differ[id] = f.Verdict
				}
			}
			require.Equal(t, with(map[string]Verdict{}, b.want), differ, got)
			for id, part := range b.problem {
				require.Contains(t, got[id].Problem, part, id)
			}
			for id, part := range b.found {
				require.Contains(t, strings.Join(got[id].Found, "; "), part, id)
			}
			for id, part := range b.fix {
				require.Contains(t, got[id].Fix, part, id)
			}
		})
	}
}

func inspect(i *imagetest.Image) *image.Disk {
	return image.Inspect(i, i.Size, image.Options{Follow: true})
}

// An image that cannot be read is an error and no failure.
func TestUnreadableImage(t *testing.T) {
	good := imagetest.New(imagetest.Good())
	l := good.FS[0]
	for name, c := range map[string]struct {
		at   int64
		want []string
	}{
		"the MBR":                {0, []string{"IMG-MBR-PROTECTIVE"}},
		"the primary header":     {good.Header(false), []string{"IMG-GPT"}},
		"the primary entries":    {good.Entry(false, 0), []string{"IMG-GPT"}},
		"the backup header":      {good.Header(true), []string{"IMG-GPT-BACKUP"}},
		"the ESP":                {l.Boot, []string{"IMG-ESP-FAT32", "IMG-BOOT-PATH", "IMG-EFI-APP", "IMG-NO-VARIABLES", "IMG-NO-FIRMWARE"}},
		"the root directory":     {l.Place(2), []string{"IMG-BOOT-PATH", "IMG-EFI-APP", "IMG-NO-VARIABLES", "IMG-NO-FIRMWARE"}},
		"a boot program":         {l.Place(l.At[aa64]), []string{"IMG-EFI-APP", "IMG-NO-VARIABLES", "IMG-NO-FIRMWARE"}},
		"the table behind files": {l.Table, []string{"IMG-EFI-APP"}},
		"what is not read":       {l.Place(5000), nil},
	} {
		t.Run(name, func(t *testing.T) {
			i := imagetest.New(imagetest.Good())
			i.Bad = func(at int64, n int) error {
				if at <= c.at && c.at < at+int64(n) {
					return errors.New("input/output error")
				}
				return nil
			}
			var errs []string
			for id, f := range judgeImage(inspect(i)) {
				require.NotEqual(t, Fail, f.Verdict, f.Problem)
				if f.Verdict == Error {
					require.Contains(t, f.Problem, "input/output error")
					errs = append(errs, id)
				}
			}
			require.ElementsMatch(t, c.want, errs)
		})
	}
}

// option is a Boot#### variable whose device path is a hard drive and a file.
func option(file string) []byte {
	path := append([]byte{4, 1, 42, 0}, make([]byte, 38)...)
	if file != "" {
		path = append(path, 4, 4, byte(4+2*len(file)+2), 0)
		for _, c := range file + "\x00" {
			path = append(path, byte(c), 0)
		}
	}
	path = append(path, 0x7f, 0xff, 4, 0)
	out := binary.LittleEndian.AppendUint32([]byte{7, 0, 0, 0}, 1)
	return append(append(binary.LittleEndian.AppendUint16(out, uint16(len(path))), 'x', 0, 0, 0), path...)
}

// IMG-REMOVABLE passes if the firmware found the program by itself.
func TestRemovable(t *testing.T) {
	good := damaged(func(*imagetest.Image) {})
	for name, c := range map[string]struct {
		loader, file string
		by           string
		make         func() *imagetest.Image
		want         Verdict
		reason       string
	}{
		"by the path":                        {`\efi\boot\bootaa64.efi`, "", image.ByLoader, good, Pass, ""},
		"by the path as U-Boot writes it":    {`/efi\boot\bootaa64.efi`, "", image.ByLoader, good, Pass, ""},
		"by the path as U-Boot 2025.01 does": {`/\EFI\BOOT\BOOTAA64.EFI`, "", image.ByLoader, good, Pass, ""},
		"by an option without a file":        {"", "", image.ByBoot, good, Pass, ""},
		"by an option with a file":           {"", `\EFI\debian\grubaa64.efi`, image.ByBoot, good, Skip, ReasonBoot},
		"by such an option alone":            {"", `\EFI\debian\grubaa64.efi`, image.ByBoot, grubAlone, Fail, ""},
		"by another program":                 {`\EFI\debian\grubaa64.efi`, "", image.ByLoader, good, Skip, ReasonBoot},
		"an option that names what is there": {`\EFI\BOOT\BOOTAA64.EFI`, `\EFI\BOOT\BOOTAA64.EFI`, image.ByLoader, good, Skip, ReasonBoot},
		"a guess":                            {`\EFI\BOOT\BOOTAA64.EFI`, "", image.ByOnlyESP, good, Skip, ReasonGuessed},
	} {
		t.Run(name, func(t *testing.T) {
			note := strings.Replace(mutantstest.Record(c.make()), image.ByLoader, c.by, 1)
			note = strings.Replace(note, fmt.Sprintf("%q", `\EFI\BOOT\BOOTAA64.EFI`), fmt.Sprintf("%q", c.loader), 1)
			change := all(replace("vmspec/image", note), bootOption(c.file))
			got := verdicts(Judge(probes.Read(change(t, guesttest.Open(t, uefiGuest)))))["IMG-REMOVABLE"]
			require.Equal(t, c.want, got.Verdict, got.Problem)
			if c.want == Skip {
				require.Equal(t, c.reason, got.Problem)
			}
		})
	}
}
