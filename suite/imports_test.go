package suite

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// forbidden imports, and why.
var forbidden = []struct{ pkg, not, why string }{
	{"vmspec/probes/...", "vmspec/suite", "probes find out and judge nothing"},
	{"vmspec/results", "vmspec/suite", "a report is read by what it says, not by today's catalogue"},
	{"vmspec/results", "vmspec/probes", "a report is read by what it says, not by today's catalogue"},
	{"vmspec/initramfs", "vmspec/suite", "what boots is packed without knowing what it judges"},
	{"vmspec/initramfs", "vmspec/probes", "what boots is packed without knowing what it judges"},
	{"vmspec/cmd/init", "vmspec/results", "PID 1 writes reports and reads none"},
	{"vmspec/cmd/init", "vmspec/initramfs", "PID 1 needs no archive writer"},
	{"vmspec/cmd/init", "html/template", "PID 1 must stay small"},
	{"vmspec/cmd/init", "net/http", "PID 1 must stay small"},
	{"vmspec/cmd/init", "github.com/spf13/cobra", "PID 1 has parameters and no command line"},
	{"vmspec/cmd/init", "testing", "assertions are for tests"},
	{"vmspec/cmd/init", "github.com/stretchr/testify", "assertions are for tests"},
	{"vmspec/cmd/init", "vmspec/probes/guest/guesttest", "assertions are for tests"},
	{"vmspec/cmd/init", "vmspec/probes/image/imagetest", "disk images are written by tests"},
}

func TestImportDirection(t *testing.T) {
	for _, f := range forbidden {
		t.Run(f.pkg+" not "+f.not, func(t *testing.T) {
			cmd := exec.Command("go", "list", "-deps", f.pkg)
			cmd.Env = append(cmd.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0")
			out, err := cmd.Output()
			require.NoError(t, err)
			for dep := range strings.FieldsSeq(string(out)) {
				require.False(t, dep == f.not || strings.HasPrefix(dep, f.not+"/"), "%s imports %s: %s", f.pkg, dep, f.why)
			}
		})
	}
}

// machine are the packages by which a program touches the machine it runs on.
var machine = []string{"os", "os/exec", "os/signal", "net", "syscall", "golang.org/x/sys/unix", "github.com/u-root/u-root"}

// touching are the packages that may, and why.
var touching = map[string]string{
	"vmspec/probes/guest":           "it is the guest",
	"vmspec/probes/guest/guesttest": "it opens captured guests, for tests",
}

// A probe that opens a file itself would read the laptop on which a captured
// guest is judged.
func TestOnlyTheGuestTouchesTheMachine(t *testing.T) {
	cmd := exec.Command("go", "list", "-f", "{{.ImportPath}} {{join .Imports \" \"}}", "vmspec/probes/...", "vmspec/suite")
	cmd.Env = append(cmd.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0")
	out, err := cmd.Output()
	require.NoError(t, err)
	for line := range strings.Lines(string(out)) {
		names := strings.Fields(line)
		if touching[names[0]] != "" {
			continue
		}
		for _, name := range names[1:] {
			for _, m := range machine {
				require.False(t, name == m || strings.HasPrefix(name, m+"/") && strings.Contains(m, "."), "%s imports %s: %s",
					names[0], name, "what is judged must come from the guest's files alone")
			}
		}
	}
}
