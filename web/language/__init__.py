"""Language: texts and sentences in English and Korean; errors as sentences."""
