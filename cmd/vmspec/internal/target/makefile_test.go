package target_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/cmd/vmspec/internal/target"
)

// setIn returns the value of a variable in the Makefile's text.
func setIn(t *testing.T, makefile, name string) string {
	t.Helper()
	line := regexp.MustCompile(`(?m)^` + name + ` := (.*)$`).FindStringSubmatch(makefile)
	require.NotNil(t, line, "the Makefile sets %s", name)
	return line[1]
}

// The Makefile looks for firmware before there is a vmspec to ask. It must look for
// the same files as vmspec does, or make run installs a package in vain, or starts a
// VM without its firmware.
func TestMakefileNamesTheSameFirmware(t *testing.T) {
	text, err := os.ReadFile("../../../../Makefile")
	require.NoError(t, err)
	makefile := string(text)
	needs := makefile[strings.Index(makefile, "RUN_NEEDS :="):]
	needs, _, _ = strings.Cut(needs, "\nIMAGE_NEEDS")
	for variable, name := range map[string]string{"UEFI_FILES": "qemu-virt-uefi", "UEFI32_FILES": "qemu-virt32-uefi"} {
		k := kind(t, name)
		var codes []string
		for _, f := range k.Files {
			codes = append(codes, f.Code)
		}
		require.Equal(t, codes, strings.Split(setIn(t, makefile, variable), "|"), variable)
		require.Contains(t, needs, "$("+variable+")="+k.Package.Debian)
	}
	uboot := kind(t, "qemu-uboot")
	require.Contains(t, needs, uboot.Files[0].Code+"="+uboot.Package.Debian)
	require.Equal(t, uboot.Package.Debian, kind(t, "qemu-uboot32").Package.Debian, "one package has both")
	for _, k := range target.Kinds() {
		require.Contains(t, needs, "="+k.Package.Debian, k.Name)
	}
}
