"""Jobs from the command line to their end, on a fake cluster."""

from __future__ import annotations

import pytest
from kubernetes.client import CustomObjectsApi

from components import runs
from tests.cli.conftest import Biojobs, Project
from tests.cli.fake_api import FakeApi, state


def parameters(api: FakeApi) -> dict[str, str]:
    (body,) = api.submitted
    return {given["name"]: given["value"] for given in body["spec"]["arguments"]["parameters"]}


def test_a_job_is_started_followed_and_says_where_its_results_are(
    biojobs: Biojobs, api: FakeApi, project: Project
) -> None:
    project.put("elsewhere/P1_R1.fastq.gz")
    place = project.workspace / "results" / "_jobs" / "fastqc-p1-x7k2p"
    project.put("project/workspace/results/_jobs/fastqc-p1-x7k2p/fastqc/P1_R1_fastqc.html")
    project.put("project/workspace/results/_jobs/fastqc-p1-x7k2p/P1.bam")
    project.put("project/workspace/results/_jobs/fastqc-p1-x7k2p/.steps/fastqc.json")
    result = biojobs("run", "fastqc", "--reads", "P1_R1.fastq.gz")
    assert result.exit_code == 0
    assert result.stdout == f"{place}\n"
    said = result.stderr.splitlines()
    assert said[0] == "fastqc-p1-x7k2p started; Ctrl-C leaves it running"
    assert said[1].startswith("  fastqc running ")
    assert said[2] == "  fastqc done"
    assert said[3].startswith("fastqc-p1-x7k2p done in 0m0")
    assert said[4:] == ["  P1.bam", "  fastqc/P1_R1_fastqc.html"]
    taken = parameters(api)["fastq_1"].removeprefix("s3://")
    assert (project.workspace / taken).read_text() == "reads"


def test_the_workflow_is_the_templates_with_the_parameters_given(
    biojobs: Biojobs, api: FakeApi, project: Project
) -> None:
    for read in (1, 2):
        project.put(f"project/workspace/reads/x_{read}.fq")
    md5 = "a" * 32
    words = ("--reads", "reads/x_1.fq", "--reads", "s3://reads/x_2.fq", "--checksum", "none", "--checksum", md5)
    assert biojobs("run", "align", *words, "--sample", "P.1", "--lane", "L7", "--no-wait").exit_code == 0
    (body,) = api.submitted
    assert body["metadata"] == {
        "generateName": "align-p-1-",
        "namespace": "biojobs",
        "labels": {"biojobs/kind": "job", "biojobs/sample": "P.1"},
    }
    assert body["spec"]["workflowTemplateRef"] == {"name": "align"}
    assert parameters(api) == {
        **{"sample": "P.1", "fastq_1": "s3://reads/x_1.fq", "fastq_2": "s3://reads/x_2.fq", "lane": "L7"},
        **{"library": "P.1", "platform": "ILLUMINA", "checksum_1": "none", "checksum_2": f"md5:{md5}"},
    }


def test_without_waiting_the_name_alone_is_printed(biojobs: Biojobs, api: FakeApi, project: Project) -> None:
    project.put("elsewhere/a.fq")
    result = biojobs("run", "fastqc", "--reads", "a.fq", "--no-wait")
    assert (result.exit_code, result.stdout, api.looks) == (0, "fastqc-a-x7k2p\n", 0)
    assert "./biojobs follow fastqc-a-x7k2p --stack own" in result.stderr


def test_variants_and_an_index_name_what_they_read(biojobs: Biojobs, api: FakeApi, project: Project) -> None:
    project.put("project/workspace/results/P1/P1.bam")
    project.put("project/workspace/results/P1/P1.bam.bai")
    project.put("project/workspace/reference/mine/reference.fa.fai")
    words = ("--bam", "results/P1/P1.bam", "--reference", "reference/mine/", "--ploidy", "1")
    assert biojobs("run", "variants", *words).exit_code == 0
    wanted = {"sample": "P1", "bam": "s3://results/P1/P1.bam", "reference": "s3://reference/mine", "ploidy": "1"}
    assert parameters(api) == wanted
    api.submitted.clear()
    project.put("elsewhere/lambda.fa")
    result = biojobs("run", "index", "--fasta", "lambda.fa")
    assert result.stdout == f"{project.workspace}/reference/_jobs/index-lambda-x7k2p\n"
    assert parameters(api)["fasta"].endswith("/elsewhere/lambda.fa")


def test_a_job_that_fails_says_step_reason_and_log(biojobs: Biojobs, api: FakeApi, project: Project) -> None:
    project.put("elsewhere/a.fq")
    bad = "bad input: a (s3://reads/a.fq) line 4: 151 bases but 140 qualities"
    api.states = (state("Failed", said=f"main: Error (exit code 65): {bad}", node="Failed"),)
    api.log = "reading a.fq\ntime=1 level=info msg=x argo=true\nit ends in line 4\nError: exit status 65\n"
    result = biojobs("run", "fastqc", "--reads", "a.fq")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.endswith(
        "error: fastqc-a-x7k2p failed:\n"
        f"  a: fastqc: {bad}\n"
        "      reading a.fq\n"
        "      it ends in line 4\n"
        "    mend the input and start the job again; all that it said: `argo -n biojobs logs fastqc-a-x7k2p`\n"
    )


def test_a_template_that_argo_refuses_is_told(biojobs: Biojobs, api: FakeApi, project: Project) -> None:
    project.put("elsewhere/a.fq")
    api.states = ({"phase": "Error", "message": "invalid spec: templates.fastqc is missing"},)
    result = biojobs("run", "fastqc", "--reads", "a.fq")
    assert result.exit_code == 1
    assert "a: workflow: invalid spec: templates.fastqc is missing" in result.stderr


def test_a_run_is_followed_later(biojobs: Biojobs, api: FakeApi, project: Project) -> None:
    project.put("elsewhere/a.fq")
    name = biojobs("run", "fastqc", "--reads", "a.fq", "--no-wait").stdout.strip()
    result = biojobs("follow", name)
    assert (result.exit_code, result.stdout) == (0, f"{project.workspace}/results/_jobs/{name}\n")
    # Nothing was written there: the cluster is a fake.
    assert "warning: there is no such folder; is the stack that is up another one" in result.stderr


def test_a_samples_run_is_followed_too(biojobs: Biojobs, api: FakeApi, project: Project) -> None:
    spec = {"templates": [{"container": {"args": ["--out", "s3://results/P1/", "--out", "s3://results/P1/fastqc/"]}}]}
    labels = {"biojobs/kind": "sample", "biojobs/sample": "P1"}
    api.workflows["p1-0123456789"] = {"metadata": {"name": "p1-0123456789", "labels": labels}, "spec": spec}
    assert biojobs("follow", "p1-0123456789").stdout == f"{project.workspace}/results/P1\n"


def test_an_unknown_run_is_told(biojobs: Biojobs, api: FakeApi) -> None:
    result = biojobs("follow", "nope")
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    assert "stack own has no run 'nope'; `argo -n biojobs list`" in result.stderr


def test_all_problems_of_options_and_files_are_told_at_once_and_nothing_is_started(
    biojobs: Biojobs, api: FakeApi, project: Project
) -> None:
    words = ("--reads", "none_1.fq", "--reads", "ftp://x/none_2.fq", "--platform", "Solexa", "--reference", "nowhere")
    result = biojobs("run", "align", *words)
    assert (result.exit_code, api.submitted) == (2, [])
    told = result.stderr.splitlines()
    assert told[0] == "error: nothing was started, because of 4 problems:"
    assert [line.split(":")[0].strip() for line in told[1:]] == ["--reads", "--platform", "--reads", "--reference"]


def test_nothing_is_copied_for_an_order_that_cannot_be_started(
    biojobs: Biojobs, api: FakeApi, project: Project
) -> None:
    project.put("elsewhere/a_1.fq")
    biojobs("run", "align", "--reads", "a_1.fq", "--reads", "a_2.fq")
    api.templates.clear()
    assert biojobs("run", "fastqc", "--reads", "a_1.fq").exit_code == 1
    assert list((project.workspace / "reads").iterdir()) == []


def test_a_stack_that_is_not_up_is_told_in_one_line(biojobs: Biojobs, api: FakeApi, project: Project) -> None:
    project.put("elsewhere/a.fq")
    api.templates.clear()
    result = biojobs("run", "fastqc", "--reads", "a.fq")
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    assert "error: stack own is not up, or older than single jobs" in result.stderr
    assert "run `make up STACK=own` first" in result.stderr


@pytest.mark.parametrize("kubeconfig", ["", "{}", "[", None])
def test_a_kubeconfig_without_the_context_is_told_in_one_line(
    biojobs: Biojobs, project: Project, kubeconfig: str | None
) -> None:
    project.put("elsewhere/a.fq")
    if kubeconfig is not None:
        (project.root.parent / "kubeconfig").write_text(kubeconfig)
    result = biojobs("run", "fastqc", "--reads", "a.fq")
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    assert "error: stack own: " in result.stderr
    assert "`kubectl --context own -n biojobs get workflows` must answer" in result.stderr


def test_a_cluster_that_refuses_says_why(biojobs: Biojobs, api: FakeApi, project: Project) -> None:
    project.put("elsewhere/a.fq")
    api.refusals = [(403, {"kind": "Status", "message": "workflowtemplates is forbidden: User x"})]
    result = biojobs("run", "fastqc", "--reads", "a.fq")
    assert result.exit_code == 1
    assert "its cluster does not let you (workflowtemplates is forbidden: User x); `kubectl" in result.stderr
    api.refusals = [(500, "<html>")]
    assert "its cluster refuses: 500 Internal Server Error" in biojobs("run", "fastqc", "--reads", "a.fq").stderr


def test_a_cluster_that_falters_while_a_job_is_followed_is_asked_again(
    biojobs: Biojobs, api: FakeApi, project: Project
) -> None:
    project.put("elsewhere/a.fq")
    name = biojobs("run", "fastqc", "--reads", "a.fq", "--no-wait").stdout.strip()
    api.away = range(1, 4)  # the first look is the command's own, which finds the run
    result = biojobs("follow", name)
    assert result.exit_code == 0
    assert result.stderr.count("the cluster does not answer (etcd is away); asking again") == 1


def test_a_cluster_that_stays_away_leaves_the_job_running(
    biojobs: Biojobs, api: FakeApi, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.put("elsewhere/a.fq")
    name = biojobs("run", "fastqc", "--reads", "a.fq", "--no-wait").stdout.strip()
    monkeypatch.setattr(runs, "MAX_PROBLEMS", 2)
    api.away = range(1, 100)
    result = biojobs("follow", name)
    assert result.exit_code == 1
    assert f"does not answer (etcd is away); {name} goes on: `./biojobs follow {name} --stack own`" in result.stderr


def test_ctrl_c_while_a_job_is_started_says_where_to_look(
    biojobs: Biojobs, api: FakeApi, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.put("elsewhere/a.fq")

    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(CustomObjectsApi, "create_namespaced_custom_object", stopped)
    result = biojobs("run", "fastqc", "--reads", "a.fq")
    assert result.exit_code == 130
    assert "stopped while the job was being started; `argo -n biojobs list` tells" in result.stderr
    monkeypatch.setattr(CustomObjectsApi, "get_namespaced_custom_object", stopped)
    assert biojobs("run", "fastqc", "--reads", "a.fq").stderr == "stopped; nothing was started\n"


def test_a_job_that_is_deleted_meanwhile_is_told(biojobs: Biojobs, api: FakeApi, project: Project) -> None:
    project.put("elsewhere/a.fq")
    api.deleted = True
    result = biojobs("run", "fastqc", "--reads", "a.fq")
    assert result.exit_code == 1
    assert "error: fastqc-a-x7k2p: was deleted while it was followed; start it again" in result.stderr


def test_a_template_of_another_version_is_not_given_what_it_would_drop(
    biojobs: Biojobs, api: FakeApi, project: Project
) -> None:
    project.put("elsewhere/a.bam")
    project.put("elsewhere/a.bam.bai")
    parameters = api.templates["variants"]["spec"]["arguments"]["parameters"]
    parameters[:] = [given for given in parameters if given["name"] != "ploidy"]
    assert biojobs("run", "variants", "--bam", "a.bam").exit_code == 0
    result = biojobs("run", "variants", "--bam", "a.bam", "--ploidy", "1")
    assert (result.exit_code, len(api.submitted)) == (1, 1)
    assert "its WorkflowTemplate variants takes no ploidy; run `make up STACK=own` first" in result.stderr


def test_a_fault_of_the_command_itself_is_no_traceback(
    biojobs: Biojobs, api: FakeApi, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.put("elsewhere/a.fq")
    monkeypatch.setattr(api, "templates", {"fastqc": {"metadata": {}}})
    result = biojobs("run", "fastqc", "--reads", "a.fq")
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    assert "error: KeyError: 'spec' (a fault of biojobs itself: BIOJOBS_DEBUG=1 shows where)" in result.stderr
