package suite

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// format is the one package below results that a guest may import: PID 1 writes
// what the host reads, and it carries no reader of logs, no catalogue and no HTML
// for that.
const format = "vmspec/results/report"

// forbidden imports, and why.
var forbidden = []struct{ pkg, not, why string }{
	{"vmspec/probes/...", "vmspec/suite", "probes find out and judge nothing"},
	{"vmspec/probes/guest", "vmspec/probes/look", "a guest's files are read on any machine"},
	{"vmspec/probes/guest", "vmspec/probes/trial", "a guest's files are read on any machine"},
	{"vmspec/probes/look", "vmspec/probes/trial", "looking changes nothing"},
	{"vmspec/probes", "vmspec/probes/look", "facts come from the guest's files alone"},
	{"vmspec/probes", "vmspec/probes/trial", "facts come from the guest's files alone"},
	{"vmspec/cmd/vmspec", "vmspec/probes/look", "the host reads what guests have left"},
	{"vmspec/cmd/vmspec", "vmspec/probes/trial", "the host reads what guests have left"},
	{"vmspec/probes/...", "vmspec/results", "probes find out and report nothing"},
	{"vmspec/probes/...", format, "probes find out and report nothing"},
	{"vmspec/suite", "vmspec/results", "the suite writes reports and reads none"},
	{"vmspec/results/...", "vmspec/suite", "a report is read by what it says, not by today's catalogue"},
	{"vmspec/results/...", "vmspec/probes", "a report is read by what it says, not by today's catalogue"},
	// imagetest, which only tests import, breaks what initramfs writes.
	{"vmspec/probes", "vmspec/initramfs", "what is read must not be known from how we write it"},
	{"vmspec/initramfs", "vmspec/suite", "what boots is packed without knowing what it judges"},
	{"vmspec/initramfs", "vmspec/probes", "what boots is packed without knowing what it judges"},
	{"vmspec/cmd/init", "vmspec/results", "PID 1 writes reports and reads none"},
	{"vmspec/cmd/init", "vmspec/initramfs", "PID 1 needs no archive writer"},
	{"vmspec/cmd/init", "html/template", "PID 1 must stay small"},
	{"vmspec/cmd/init", "net/http", "PID 1 must stay small"},
	{"vmspec/cmd/init", "encoding/json", "PID 1 must stay small, and start fast"},
	{"vmspec/cmd/init", "regexp", "PID 1 must stay small, and start fast"},
	{"vmspec/cmd/init", "github.com/spf13/cobra", "PID 1 has parameters and no command line"},
	{"vmspec/cmd/init", "testing", "assertions are for tests"},
	{"vmspec/cmd/init", "github.com/stretchr/testify", "assertions are for tests"},
	{"vmspec/cmd/init", "vmspec/probes/guest/guesttest", "assertions are for tests"},
	{"vmspec/cmd/init", "vmspec/probes/image/imagetest", "disk images are written by tests"},
}

// goList runs go list as for the guest.
func goList(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Env = append(cmd.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0")
	out, err := cmd.Output()
	require.NoError(t, err)
	return string(out)
}

func TestImportDirection(t *testing.T) {
	deps := map[string]string{}
	for _, f := range forbidden {
		if deps[f.pkg] == "" {
			deps[f.pkg] = goList(t, "-deps", f.pkg)
		}
		t.Run(f.pkg+" not "+f.not, func(t *testing.T) {
			for dep := range strings.FieldsSeq(deps[f.pkg]) {
				below := strings.HasPrefix(dep, f.not+"/") && dep != format
				require.False(t, dep == f.not || below, "%s imports %s: %s", f.pkg, dep, f.why)
			}
		})
	}
}

// The guest carries the format, so that it imports nothing but the standard
// library, and of that nothing large.
func TestFormatImportsLittle(t *testing.T) {
	deps := strings.Fields(goList(t, "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", format))
	require.Equal(t, []string{format}, deps)
	for dep := range strings.FieldsSeq(goList(t, "-deps", format)) {
		require.NotContains(t, []string{"encoding/json", "regexp", "html", "net"}, dep, "PID 1 must stay small")
	}
}

// machine are the packages by which a program touches the machine it runs on.
var machine = []string{"os", "os/exec", "os/signal", "net", "syscall", "golang.org/x/sys/unix", "github.com/u-root/u-root"}

// touching are the packages that may, and why.
var touching = map[string]string{
	"vmspec/probes/guest":           "it is the guest as files",
	"vmspec/probes/look":            "it looks at what is no file",
	"vmspec/probes/trial":           "it makes things happen",
	"vmspec/probes/note":            "it names the kernel's errors",
	"vmspec/probes/guest/guesttest": "it opens captured guests, for tests",
}

// A probe that opens a file itself would read the laptop on which a captured
// guest is judged.
func TestOnlyTheGuestTouchesTheMachine(t *testing.T) {
	for line := range strings.Lines(goList(t, "-f", "{{.ImportPath}} {{join .Imports \" \"}}", "vmspec/probes/...", "vmspec/suite", format)) {
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
