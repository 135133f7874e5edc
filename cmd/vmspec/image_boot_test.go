package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/cmd/vmspec/internal/vmm"
	"vmspec/results"
)

// say has a console say a text, in pieces of that many bytes.
func say(t *testing.T, e *expectation, text string, piece int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	e.came = cancel
	for len(text) > 0 {
		n := min(piece, len(text))
		got, err := e.Write([]byte(text[:n]))
		require.NoError(t, err)
		require.Equal(t, n, got)
		text = text[n:]
	}
	require.Equal(t, e.found != "", ctx.Err() != nil)
}

func TestExpectation(t *testing.T) {
	const kernel = "[    0.000000] Booting Linux on physical CPU 0x0000000000\r\n"
	for _, c := range []struct {
		name, expect, console string
		want                  expectation
	}{
		{"a prompt without a line's end", "login:", "Debian 12\r\n\r\ndebian login: ", expectation{found: "debian login: "}},
		{"with colours in it", "login:", "\x1b[1;32mdebian\x1b[0m lo\x1b[Kgin: ", expectation{found: "debian login: "}},
		{"nothing", "login:", "", expectation{}},
		{"another text", "login:", kernel, expectation{kernel: true}},
		{"a kernel by default", "", "x\n" + kernel, expectation{kernel: true, found: strings.TrimSpace(kernel)}},
		{"over two lines is no text", "login:", "log\nin:", expectation{}},
		{"U-Boot's prompt", "login:", "No EFI\r\n=> ", expectation{prompt: true}},
		{"no prompt behind which somebody goes on", "login:", "\r\n=> boot\r\n", expectation{}},
		{"the image's program", "login:", "BdsDxe: starting Boot0001 \"UEFI Misc Device\" from PciRoot(0x0)/Pci(0x1,0x0)\r\n",
			expectation{program: `BdsDxe: starting Boot0001 "UEFI Misc Device" from PciRoot(0x0)/Pci(0x1,0x0)`}},
		{"the firmware's own shell", "login:", "BdsDxe: starting Boot0002 \"EFI Internal Shell\" from Fv(64074AFE)\r\nUEFI Interactive Shell v2.2\r\n", expectation{}},
		{"a script of U-Boot's", "login:", "Found U-Boot script /boot/boot.scr\n", expectation{script: true}},
		{"bytes of no text", "login:", "\x00\xff\x1b[\x1b]0;\n", expectation{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, piece := range []int{1, 7, 1 << 10} {
				e := &expectation{text: c.expect}
				say(t, e, c.console, piece)
				require.Truef(t, strings.HasPrefix(c.want.found, e.found), "%q", e.found)
				require.Equal(t, c.want.found == "", e.found == "")
				e.text, e.came, e.tail, e.found = "", nil, nil, c.want.found // a piece may end the line
				require.Equal(t, c.want, *e, "pieces of %d", piece)
			}
		})
	}
}

// Whatever a console writes, little of it is kept.
func FuzzExpectation(f *testing.F) {
	f.Add("login:", "a login: \x1b[0m\r\n=> ")
	f.Add("", "Booting Linux on \xff\x00")
	f.Fuzz(func(t *testing.T, expect, console string) {
		e := &expectation{text: expect, came: func() {}}
		for range 3 {
			_, err := e.Write([]byte(console))
			require.NoError(t, err)
			require.LessOrEqual(t, len(e.tail), max(maxTail, len(console)))
		}
		if e.found != "" && expect != "" {
			require.Contains(t, e.found, expect)
		}
	})
}

// TestRemovable decides from what several firmwares did.
func TestRemovable(t *testing.T) {
	still := &vmm.Outcome{Killed: true, Reason: vmm.Lasted}
	boot := func(name string, e expectation) imageBoot { return imageBoot{name, &e, still} }
	up, down := expectation{found: "login:"}, expectation{}
	for _, c := range []struct {
		name  string
		boots []imageBoot
		want  results.Verdict
		says  string
	}{
		{"both", []imageBoot{boot("A", up), boot("U", up)}, results.Pass, "A and U started it"},
		{"neither", []imageBoot{boot("A", down), boot("U", down)}, results.Fail, "A and U found nothing to start"},
		{"one", []imageBoot{boot("A", up), boot("U", down)}, results.Error, "A started it from an empty variable store, and U found nothing"},
		{"a kernel without the text", []imageBoot{boot("A", expectation{kernel: true})}, results.Pass, "A started it"},
		{"a program without a kernel", []imageBoot{boot("A", expectation{program: "x"})}, results.Error, "started no kernel"},
		{"by a script, and up", []imageBoot{boot("U", expectation{script: true, found: "login:"})}, results.Error, "in place of UEFI's program"},
		{"by UEFI, and by a script", []imageBoot{boot("A", up), boot("U", expectation{script: true})}, results.Pass, "a script of the image"},
		{"out of time", []imageBoot{{"A", &expectation{}, &vmm.Outcome{Killed: true, Reason: "no end after 1s"}}}, results.Error, "came to no end"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := removable(c.boots)
			require.Equal(t, c.want, got.Verdict)
			require.Contains(t, got.Text, c.says)
		})
	}
}

// TestImageBootLive boots the smallest image by the faster firmware; make image-boots
// tries others' images by both.
func TestImageBootLive(t *testing.T) {
	needTarget(t, "qemu-uboot")
	needBoot(t)
	disk := otherImages[0].make(t)
	log := filepath.Join(t.TempDir(), "console.log")
	status, stdout, stderr := vmspec(t, "image", "boot", "--expect", started, "--firmware", "u-boot", "--log", log, disk)
	require.Equal(t, results.Conformant, status, stdout+stderr)
	require.Contains(t, stdout, "IMG-REMOVABLE pass: U-Boot arm64 started it from an empty variable store")
	said, err := os.ReadFile(log)
	require.NoError(t, err)
	require.Contains(t, string(said), started)
}
