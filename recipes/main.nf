// An archive in shards: nextflow run recipes/main.nf --recordings /data/ecg --results /data/results --shards 40
// Recordings and results lie where all nodes see them: they are named, not staged, so that a shard is one task however
// many recordings it has. Exit code 1 says that some recordings could not be scored: no failure.
params.shards = 8

process shard {
    cpus 1
    errorStrategy 'retry'
    maxRetries 3

    input:
    val number

    output:
    val number

    script:
    """
    ecgnoise archive '${params.recordings}' --out '${params.results}' --quiet --threads ${task.cpus} \\
      --shard ${number}/${params.shards} || test \$? -eq 1
    """
}

process summary {
    input:
    val numbers

    output:
    stdout

    script:
    """
    ecgnoise archive '${params.recordings}' --out '${params.results}' || test \$? -eq 1
    """
}

workflow {
    summary(shard(Channel.of(1..params.shards)).collect()) | view
}
