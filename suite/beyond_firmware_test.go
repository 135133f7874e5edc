package suite

// variables is the note of a trial that finished.
const variables = "space 260456 262044\ncreate ok\nread ok\nappend ok\nreread ok\ndelete ok\n"

var beyondFirmwareMutants = []mutant{
	{
		name: "a TPM whose SHA-256 bank is off", guest: tpmGuest, change: edit("vmspec/tpm", "bank sha256 24", "bank sha256 0"),
		want:    map[string]Verdict{"PLAT-TPM": Fail},
		problem: map[string]string{"PLAT-TPM": "the SHA-256 bank is off"},
	},
	{
		name: "a TPM 1.2", guest: tpmGuest, change: replace("sys/class/tpm/tpm0/tpm_version_major", "1\n"),
		want:    map[string]Verdict{"PLAT-TPM": Fail},
		problem: map[string]string{"PLAT-TPM": "version 1.2"},
	},
	{
		name: "a TPM that does not answer", guest: tpmGuest, change: replace("vmspec/tpm", "error child: signal: killed\n"),
		want: map[string]Verdict{"PLAT-TPM": Error},
	},
	{
		name: "SMBIOS of before 3.0", guest: uefiGuest, change: edit("vmspec/smbios", "entry 64", "entry 32"),
		want:    map[string]Verdict{"FW-SMBIOS": Fail},
		problem: map[string]string{"FW-SMBIOS": "32-bit"},
	},
	{
		name: "SMBIOS that cannot be read", guest: uefiGuest, change: replace("vmspec/smbios", "error cut structure\n"),
		want: map[string]Verdict{"FW-SMBIOS": Error},
	},
	{
		name: "a variable that can be written", guest: uefiGuest, change: replace("vmspec/variables", variables),
		want: map[string]Verdict{"FW-VAR-WRITE": Pass},
	},
	{
		name: "SetVariable that refuses", guest: uefiGuest, change: replace("vmspec/variables", "create EIO input/output error\n"),
		want:    map[string]Verdict{"FW-VAR-WRITE": Fail, "FW-VAR-RUNTIME": Fail},
		problem: map[string]string{"FW-VAR-WRITE": "create: EIO", "FW-VAR-RUNTIME": "a variable could not be created: EIO"},
	},
	{
		name: "SetVariable that is aborted every time", guest: uefiGuest, change: replace("vmspec/variables", "create EFI_ABORTED, 5 times\n"),
		want:    map[string]Verdict{"FW-VAR-WRITE": Fail, "FW-VAR-RUNTIME": Fail},
		problem: map[string]string{"FW-VAR-WRITE": "create: EFI_ABORTED, 5 times"},
	},
	{
		name: "a full variable store", guest: uefiGuest, change: replace("vmspec/variables", "space 0 262044\ncreate ENOSPC no space left on device\n"),
		want:    map[string]Verdict{"FW-VAR-WRITE": Fail},
		problem: map[string]string{"FW-VAR-WRITE": "create: ENOSPC no space left on device"},
	},
	{
		name: "a variable that comes back as another", guest: uefiGuest, change: replace("vmspec/variables", "create ok\nread differs\ndelete ok\n"),
		want:    map[string]Verdict{"FW-VAR-WRITE": Fail},
		problem: map[string]string{"FW-VAR-WRITE": "read: differs"},
	},
	{
		name: "a firmware without EFI_VARIABLE_APPEND_WRITE", guest: uefiGuest,
		change:  replace("vmspec/variables", "create ok\nread ok\nappend EINVAL invalid argument\ndelete ok\n"),
		want:    map[string]Verdict{"FW-VAR-WRITE": Fail},
		problem: map[string]string{"FW-VAR-WRITE": "append: EINVAL"},
	},
	{
		name: "a variable that stays", guest: uefiGuest,
		change: replace("vmspec/variables", "create ok\nread ok\nappend ok\nreread ok\ndelete EINVAL invalid argument\n"),
		want:   map[string]Verdict{"FW-VAR-WRITE": Fail},
	},
	{
		name: "a kernel that does not let write", guest: uefiGuest, change: replace("vmspec/variables", "create EPERM operation not permitted\n"),
		want: map[string]Verdict{}, problem: map[string]string{"FW-VAR-WRITE": "create: EPERM"},
	},
	{
		name: "a firmware that hangs in SetVariable", guest: uefiGuest, change: replace("vmspec/variables", "error hung for 15s\n"),
		want: map[string]Verdict{}, problem: map[string]string{"FW-VAR-WRITE": "hung for 15s"},
	},
	{
		name: "a trial of a variable that broke off", guest: uefiGuest, change: replace("vmspec/variables", "create ok\n"),
		want: map[string]Verdict{}, problem: map[string]string{"FW-VAR-WRITE": "did not finish"},
	},
	{
		name: "our own vmspec.readonly", guest: uefiGuest, change: edit("proc/cmdline", "panic=-1", "vmspec.readonly"),
		want:    map[string]Verdict{"FW-VAR-WRITE": Skip, "PLAT-CPU-OFFLINE": Skip, "PLAT-CONSOLE-INPUT": Skip, "PLAT-VIRTIO-PORT": Skip},
		problem: map[string]string{"FW-VAR-WRITE": "vmspec.readonly"},
	},
	{
		name: "somebody else's guest", guest: uefiGuest, change: replace("vmspec/context", "program\n"),
		want:    map[string]Verdict{"FW-VAR-WRITE": Skip, "PLAT-CPU-OFFLINE": Skip, "PLAT-CONSOLE-INPUT": Skip, "PLAT-VIRTIO-PORT": Skip},
		problem: map[string]string{"FW-VAR-WRITE": "needs-own-guest"},
	},
}
