package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/cmd/vmspec/internal/target"
	"vmspec/results"
	"vmspec/suite"
)

// repository is where make runs.
var repository = filepath.Join("..", "..")

const release = "vmspec-" + suite.Version

// needRelease returns the archive that make release left.
func needRelease(t *testing.T) string {
	t.Helper()
	if os.Getenv("VMSPEC_RELEASE") == "" {
		t.Skip("takes minutes: make release-check sets VMSPEC_RELEASE")
	}
	archive, err := filepath.Abs(filepath.Join(repository, "build", "release", release+".tar.gz"))
	require.NoError(t, err)
	require.FileExists(t, archive, "make release builds it")
	return archive
}

// runIn runs a program in a directory, by an environment with more in it.
func runIn(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	return string(out)
}

// Who makes the release elsewhere, from a clean tree, with nothing compiled
// before, makes the same bytes. What Debian has today is not asked again.
func TestReleaseIsReproducible(t *testing.T) {
	archive := needRelease(t)
	tree := filepath.Join(t.TempDir(), "another place")
	cleanTree(t, tree)
	env := []string{"GOCACHE=" + t.TempDir(), "TZ=Asia/Tokyo", "LC_ALL=C"}
	runIn(t, tree, env, "sh", "-c", "umask 077; exec make -s release TARGET=qemu-virt")
	require.Equal(t, digest(t, archive), digest(t, filepath.Join(tree, "build", "release", release+".tar.gz")))
}

// cleanTree copies the sources, and lends the packages of Debian.
func cleanTree(t *testing.T, to string) {
	t.Helper()
	entries, err := os.ReadDir(repository)
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(to, 0o755))
	for _, e := range entries {
		from := filepath.Join(repository, e.Name())
		switch {
		case e.Name() == "build", e.Name() == "bin", e.Name() == ".git":
		case e.IsDir():
			require.NoError(t, os.CopyFS(filepath.Join(to, e.Name()), os.DirFS(from)))
		default:
			copyFile(t, filepath.Join(to, e.Name()), from)
		}
	}
	for _, packages := range []string{"arm64/kernel", "arm64/loader", "arm/kernel", "arm/loader"} {
		from, err := filepath.Abs(filepath.Join(repository, "build", packages))
		require.NoError(t, err)
		link := filepath.Join(to, "build", packages)
		require.NoError(t, os.MkdirAll(filepath.Dir(link), 0o755))
		require.NoError(t, os.Symlink(from, link))
	}
}

// A vendor has QEMU, and no more: of the system, what lies beside it.
func TestReleaseRuns(t *testing.T) {
	archive := needRelease(t)
	needBoot(t)
	dir := t.TempDir()
	runIn(t, dir, nil, "tar", "-xzf", archive)
	dir = filepath.Join(dir, release)
	runIn(t, dir, nil, "sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS")

	qemu, err := exec.LookPath(target.Binary)
	require.NoError(t, err)
	program := "./vmspec-" + runtime.GOOS + "-" + runtime.GOARCH
	env := []string{"PATH=" + filepath.Dir(qemu), "HOME=/none", "GOROOT=/none"}
	checked := parse(t, runIn(t, dir, env, program, "image", "check", "vmspec.img"))
	require.Empty(t, unmet(checked))
	_, changes, _ := vmspec(t, "changes")
	require.Equal(t, changes, runIn(t, dir, nil, "cat", "CHANGES.md"))
	for _, to := range [][]string{nil, {"qemu-image"}} {
		report := parse(t, runIn(t, dir, env, "./run", to...))
		require.Equal(t, fails["qemu-virt-uefi"], unmet(report))
	}
	cmd := exec.CommandContext(t.Context(), "./run", "qemu-virt32")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out, err := cmd.Output()
	require.Equal(t, results.NotConformant.ExitStatus(), cmd.ProcessState.ExitCode(), err)
	require.Equal(t, on32Bits(fails["qemu-virt"]), unmet(parse(t, string(out))))
	runIn(t, dir, nil, "sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS")
}

func copyFile(t *testing.T, to, from string) {
	t.Helper()
	data, err := os.ReadFile(from)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(to, data, 0o644))
}
